"""What every test may use: the option that rewrites goldens, and the control plane's fixtures."""

pytest_plugins = ["tests.cluster.fixtures"]


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the hooks' answers as the expected ones")
