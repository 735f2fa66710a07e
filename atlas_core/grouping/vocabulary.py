"""Words that tell what their neighbours are; frozen with `normalized`."""

from typing import Final

SLOT: Final = "\N{SUBSTITUTE}"
"""Stands for a part that varies: a control character that no message means."""
SHOWN: Final = "<*>"
"""How people see a slot."""
DIGITS: Final = frozenset("0123456789")


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNITS: Final = _of("""
    b kb mb gb tb pb kib mib gib tib k bytes byte ms us ns µs s sec secs msec msecs second seconds millisecond
    milliseconds microseconds nanoseconds minute minutes min mins hour hours h hr hrs day days hz khz mhz ghz %
    am pm utc gmt usd eur gbp chf jpy cny inr aud cad sek nok dkk pln brl mxn
""")
"""After a number they belong to it, in lower case."""
CALENDAR: Final = _of("""
    mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday
    jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september october
    november december pdt pst edt est cdt cst mdt mst cet cest bst utc gmt
""")
"""Before a number they belong to it, when they start with a capital."""
NAMES_A_NUMBER: Final = _of("""
    errno winerror sqlstate hresult code errorcode errcode statuscode exitcode returncode resultcode http version tls
    tlsv ssl sslv python java oauth ipv utf ucs iso latin cp windows sha aes ora tns pls err imp cve
""")
"""The number after them says which problem it is."""
NAMES_A_QUOTED_WORD: Final = _of("""
    named attribute column relation table module type package extension codec encoding algorithm name
""")
"""A word in quotes after them is an identifier, whatever digits it ends with."""
CODE_LETTERS: Final = _of("E ERR EC TS CS SQL APP AUTH SRV DB MY PT HY")
"""With digits after them they are an error code, wherever they stand."""

REVERSED_DOMAINS: Final = _of("com org net edu gov io java javax jdk sun android kotlin scala system microsoft")
"""A dotted name that starts with one is a class or a package."""
DOMAINS: Final = _of("com net org edu gov mil")
"""A dotted name that ends with one is a host."""
DOMAINS_IN_DOUBT: Final = _of("""
    io dev app ai info biz cloud local internal lan home corp intranet test example invalid
""")
"""A dotted name that ends with one may be a host or a module."""
SECOND_LEVEL_DOMAINS: Final = _of("com net org co edu gov ac")
SOURCE_SUFFIXES: Final = _of("py js ts rb go rs cc cs sh pl so md db vb kt hs ml mm pm")
"""Two letters like a country's, but of files."""
