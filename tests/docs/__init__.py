"""The pages of docs/ that are generated, and the tests of all of them: links, commands, reasons."""
