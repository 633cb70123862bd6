"""Random control files and scripts: what a server reads and what it refuses, from a seed."""

from __future__ import annotations

from random import Random

# File names below SHAREDIR/extension, and their contents.
Files = dict[bytes, bytes]

NAME = b"case"
KEYS = (
    b"directory default_version module_pathname comment schema relocatable superuser trusted encoding requires "
    b"no_relocate"
).split()
BOOLEANS = b"true false t f yes no y n on off o of 1 0 2 tr TRUE Fal falsey oN '' 'true' '\tt'".split()
ENCODINGS = b"utf8 UTF-8 'utf_8' latin1 LATIN-2 sjis BIG5 SQL_ASCII unicode euc_jp win1252 koi8 nonsense ''".split()
NUMBERS = b"1 1.0 1.0.1 -1 +2.5e3 0x1F 10MB . -. 1e5 1.5e 007 1a 1_0".split()
WORDS = b"abc a.b a.b.c a-b a:b/c _x $libdir/x x$y A_B \xc3\xa4 \xff\xfe plpgsql".split()
LISTS = [
    b"''",
    b"' '",
    b"'a'",
    b"'a, b'",
    b"'a,b,'",
    b"',a'",
    b"'a b'",
    b"'\"A b\", c'",
    b'\'"A""b"\'',
    b"'\"A'",
    b"'A,\tB'",
    b"'a\\n,b'",
    b"'" + b"x" * 70 + b", y'",
    b"'" + "ä".encode() * 40 + b"'",
    b"'\"\"'",
    b"'a,,b'",
    b"a",
]
PIECES = [
    b"abc", b"''", b"\\'", b"\\\\", b"\\n", b"\\t", b"\\b", b"\\101", b"\\7", b"\\777", b"\\8", b"\\0x", b"\\x",
    b" ", b"#",     b"=", b"\t", b"\r", b"\xc3\xa4", b"\xff", b"$libdir/", b"--", b"%", b'"', b"\x01", b"1.0",
]  # fmt: skip
NOISE = [
    b"\0", b"\n", b"'", b'"', b"=", b"#", b"\\", b"\r", b"\xef\xbb\xbf", b" ", b".", b";", b"x", b"'\0'", b"\x0b",
    b"\x0c",
]  # fmt: skip
VERSIONS = b"1.0 1.1 1.2 2.0 2 unpackaged a b A 1.0- -1 1.0.sql next \xc3\xa4 ANY".split()
INCLUDED = (b"more.conf", b"sub/a.conf", b"sub/b.conf", b"loop.conf", b"sub/.hidden.conf")


def case(seed: int) -> Files:
    """The files of one extension: always its control file, often scripts, sometimes more."""
    random = Random(seed)
    files = {NAME + b".control": control_file(random, sane=0.6)}
    if random.random() < 0.6:
        files |= dict.fromkeys(scripts(random), b"")
    if random.random() < 0.15:
        version = random.choice(VERSIONS)
        files[NAME + b"--" + version + b".control"] = control_file(random, sane=0.8)
    if random.random() < 0.1:
        files |= includes(random)
        files[NAME + b".control"] += include(random) + b"\n"
    return files


def control_file(random: Random, sane: float) -> bytes:
    """Some lines; with probability `sane` each is one that the server likes, but for what a last blow did to all."""
    lines = []
    if random.random() < 0.7:
        lines.append(b"default_version = " + quoted(random.choice(VERSIONS)))
    count = random.choice((0, 1, 1, 2, 3, 5))
    lines += [sane_line(random) if random.random() < sane else line(random) for _ in range(count)]
    random.shuffle(lines)
    content = random.choice((b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b" \n\t")).join(lines)
    content += random.choice((b"\n", b"\n", b"", b"\n# end", b" "))
    if random.random() < 0.1:
        for _ in range(random.randint(1, 3)):
            place = random.randint(0, len(content))
            content = content[:place] + random.choice(NOISE) + content[place + random.choice((0, 0, 1)) :]
    # A quote before a NUL makes the server write outside of its memory: what it does then is nobody's promise.
    return content.replace(b"'\0", b"' ")


def quoted(text: bytes) -> bytes:
    """The text between quotes."""
    return b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


def sane_line(random: Random) -> bytes:
    """A line that a server accepts, mostly."""
    key = random.choice(KEYS[2:])
    if key in {b"relocatable", b"superuser", b"trusted"}:
        value = random.choice((b"true", b"false", b"on", b"off", b"1", b"0", b"'yes'", b"T"))
    elif key == b"encoding":
        value = random.choice((b"utf8", b"'UTF-8'", b"latin1"))
    elif key in {b"requires", b"no_relocate"}:
        value = random.choice((b"'plpgsql'", b"'a, \"B\"'", b"hstore", b"''"))
    else:
        value = random.choice((b"'some text'", b"word", b"'it''s'", b"1", b"'$libdir/case'", b"''"))
    return key + random.choice((b" = ", b"=", b" ", b"\t=\t")) + value + random.choice((b"", b"", b" # said", b" "))


def line(random: Random) -> bytes:
    """Any line."""
    key = random.choice((*KEYS, *KEYS, *KEYS, b"include", b"Comment", b"unknown", b"a.b", b"1", b"", b"'comment'"))
    equals = random.choice((b" = ", b"=", b" ", b"", b"\t", b" == ", b" = = ", b"\r=\r"))
    value = b" ".join(value_of(random, key) for _ in range(random.choice((1, 1, 1, 1, 1, 0, 2))))
    return (
        random.choice((b"", b"", b" ", b"#")) + key + equals + value + random.choice((b"", b"", b"#c", b" # c", b" ;"))
    )


FITTING = {
    b"relocatable": BOOLEANS,
    b"superuser": BOOLEANS,
    b"trusted": BOOLEANS,
    b"encoding": ENCODINGS,
    b"requires": LISTS,
    b"no_relocate": LISTS,
    b"directory": b"extension 'extension' '' 'nowhere' '/nowhere' 'extension/sub' '../x'".split(),
}


def value_of(random: Random, key: bytes) -> bytes:
    """A value for the key, or for another."""
    if key in FITTING and random.random() < 0.8:
        return random.choice(FITTING[key])
    kind = random.random()
    if kind < 0.4:
        return random.choice(NUMBERS if kind < 0.2 else WORDS)
    text = b"".join(random.choice(PIECES) for _ in range(random.randint(0, 5)))
    return b"'" + text + random.choice((b"'", b"'", b"'", b"'", b"", b"\\'"))


def scripts(random: Random) -> list[bytes]:
    """Names of scripts: some install, some update, some are nearly one."""
    few = random.sample(VERSIONS, random.randint(1, 5))
    return [script(random.choice(few), random.choice(few), random) for _ in range(random.randint(1, 9))]


def script(first: bytes, second: bytes, random: Random) -> bytes:
    """The name of a script that has to do with these versions."""
    update = NAME + b"--" + first + b"--" + second + b".sql"
    others = (
        NAME + b"--" + first + b".sql",
        NAME + b"--" + first + b"---" + second + b".sql",
        NAME + b"--" + first + b"--" + second + b"--x.sql",
        NAME + b"-" + first + b".sql",
        NAME + b"--" + first + b".SQL",
        NAME + b"--.sql",
        NAME + b"x--" + first + b".sql",
        NAME + b"--" + first + b".sql.bak",
    )
    return random.choice((update, update, update, *others))


def include(random: Random) -> bytes:
    """An include directive."""
    directive = random.choice((b"include", b"include_if_exists", b"include_dir", b"INCLUDE", b"Include_If_Exists"))
    target = random.choice(
        (b"'more.conf'", b"'missing.conf'", b"sub", b"'sub'", b"'loop.conf'", b"case.control", b"''", b"'  '")
    )
    return directive + random.choice((b" = ", b" ")) + target


def includes(random: Random) -> Files:
    """Files that the directives name."""
    return {
        name: b"include 'loop.conf'\n" if name == b"loop.conf" else control_file(random, sane=0.9)
        for name in INCLUDED
        if random.random() < 0.8
    }
