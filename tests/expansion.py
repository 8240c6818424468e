"""The kubelet's expansion of $(NAME), as in third_party/forked/golang/expansion/expand.go of Kubernetes 1.37."""

OPERATOR, OPENER, CLOSER = b"$()"


def expand(text, variables):
    """`text` as a container gets it; a reference to no variable stays. Bytes in bytes out, as Go has strings."""
    raw, result, cursor = text.encode(), bytearray(), 0
    while cursor < len(raw):
        if raw[cursor] == OPERATOR and cursor + 1 < len(raw):
            found, advance = read_name(raw[cursor + 1 :], variables)
            result += found
            cursor += advance
        else:
            result.append(raw[cursor])
        cursor += 1
    return result.decode(errors="surrogateescape")


def read_name(rest, variables):
    """What stands for the text after a `$`, and how many bytes of it were read (tryReadVariableName)."""
    if rest[0] == OPERATOR:
        return b"$", 1
    if rest[0] == OPENER:
        end = rest.find(CLOSER)
        if end < 0:
            return b"$(", 1
        name = rest[1:end].decode(errors="surrogateescape")
        return variables.get(name, f"$({name})").encode(errors="surrogateescape"), end + 1
    return b"$" + chr(rest[0]).encode(), 1  # a byte becomes a rune: string(input[0])
