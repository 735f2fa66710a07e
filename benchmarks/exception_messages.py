"""Error messages of common stacks, made from templates and a seed: a second opinion beside the development data.

Written from how these libraries word their errors, before `normalized` was measured on them; messages of one template
belong together. Several templates differ by a code, a version, a status or an identifier only.
"""

import random
import re
from collections.abc import Callable, Iterator
from typing import Final

_WORDS: Final = (
    "alpha",
    "bravo",
    "carol",
    "delta",
    "echo",
    "golf",
    "hotel",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
)
_NAMES: Final = ("Ana", "Bo", "van Dyk", "Fátima", "Dmitri Petrov", "O'Neil", "Eun-ji")
_TEMPLATES: Final = """\
DatabaseError: ORA-00942: table or view does not exist
DatabaseError: ORA-00904: table or view does not exist
IntegrityError: (1062, "Duplicate entry '{email}' for key 'users.email'")
OperationalError: (1205, 'Lock wait timeout exceeded; try restarting transaction')
OperationalError: (2006, 'MySQL server has gone away ({num})')
DuplicateKeyError: E11000 duplicate key error collection: shop.users index: email_1 dup key: [ email: "{email}" ]
ServerSelectionTimeoutError: {host}:27017: [Errno 111] Connection refused, Topology Description: id: {hex24}
HTTPError: 500 Server Error: Internal Server Error for url: {url}
HTTPError: 503 Server Error: Service Unavailable for url: {url}
AxiosError: Request failed with status code 404
AxiosError: Request failed with status code 500
TypeError: Failed to fetch ({host})
TypeError: Cannot read properties of null (reading 'name')
TypeError: Cannot read properties of null (reading 'email')
TypeError: cart.total is not a function
TypeError: cart.items is not a function
SyntaxError: Unexpected token < in JSON at position {num}
ValueError: invalid literal for int() with base 10: '{word}'
ValueError: could not convert string to float: '{word}'
FileNotFoundError: [Errno 2] No such file or directory: '{path}'
PermissionError: [Errno 13] Permission denied: '{path}'
FileNotFoundError: [WinError 2] The system cannot find the file specified: '{winpath}'
IndexError: index {num} is out of bounds for axis 0 with size {num}
ModuleNotFoundError: No module named 'psycopg2'
ModuleNotFoundError: No module named 'psycopg3'
ImportError: cannot import name 'Mapping' from 'collections' ({path})
AttributeError: module 'numpy' has no attribute 'float128'
AttributeError: module 'numpy' has no attribute 'float16'
LookupError: unknown encoding: utf-16x
LookupError: unknown encoding: utf-32x
RuntimeError: python3.6 is not supported
RuntimeError: python3.7 is not supported
ValueError: unsupported hash type sha3
ValueError: unsupported hash type sha1
SSLError: TLS 1.0 is not supported by the server
SSLError: TLS 1.1 is not supported by the server
AppError E1002: quota exceeded for tenant {num}
AppError E2001: quota exceeded for tenant {num}
BillingError[ERR-4012]: card refused for invoice INV-{num}
BillingError[ERR-4013]: card refused for invoice INV-{num}
PDOException: SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '{email}' for key 'email'
PDOException: SQLSTATE[HY000] [2002] Connection refused
SyntaxError: invalid input syntax for type integer: "{word}"
DeadlockDetected: Process {num} waits for ShareLock on transaction {num}; blocked by process {num}.
OperationalError: FATAL: password authentication failed for user "{user}"
NotNullViolation: null value in column "email" violates not-null constraint Failing row contains ({num}, {word}).
NotNullViolation: null value in column "name" violates not-null constraint Failing row contains ({num}, {word}).
QueryCanceled: canceling statement due to statement timeout after {dur}
TimeoutError: Timeout reading from {host}:6379
ResponseError: MOVED {num} {ip}:{num}
KafkaError: code=_TIMED_OUT,val=-185,str="{host}:9092/{num}: Request timed out after {dur}"
ClientError: An error occurred (NoSuchKey) when calling the GetObject operation (RequestId: {upper})
ClientError: An error occurred (SlowDown) when calling the PutObject operation (reached max retries: {num})
RpcError: rpc error: code = DeadlineExceeded desc = context deadline exceeded after {dur}
RpcError: rpc error: code = NotFound desc = order {uuid} not found
dial tcp: lookup {host} on {ip}:53: no such host
strconv.Atoi: parsing "{word}": invalid syntax
panic: runtime error: slice bounds out of range [{num}:{num}]
read tcp {ip}:{num}->{ip}:{num}: read: connection reset by peer
write tcp {ip}:{num}->{ip}:{num}: write: broken pipe
java.lang.NumberFormatException: For input string: "{word}"
java.lang.ArrayIndexOutOfBoundsException: Index {num} out of bounds for length {num}
java.lang.ClassCastException: class com.shop.Order cannot be cast to class com.shop.Invoice
java.lang.ClassCastException: class com.shop.Order cannot be cast to class com.shop.User
java.net.ConnectException: Connection refused: {host}/{ip}:{num}
NoSuchBeanDefinitionException: No qualifying bean of type 'com.shop.MailService' available
NoSuchBeanDefinitionException: No qualifying bean of type 'com.shop.UserService' available
System.IO.FileNotFoundException: Could not find file '{winpath}'.
SqlException: Timeout expired after {dur}. ClientConnectionId:{uuid} Error Number:-2,State:0,Class:11
NoMethodError: undefined method `total' for #<Order:{addr}>
ActiveRecord::RecordNotFound: Couldn't find User with 'id'={num}
ErrorException: Undefined array key "user_id" in {path}:{num}
ErrorException: Undefined array key "order_id" in {path}:{num}
CalledProcessError: Command '['ffmpeg', '-i', '{path}']' returned non-zero exit status 1.
CalledProcessError: Command '['ffmpeg', '-i', '{path}']' returned non-zero exit status 137.
AuthError: user {user} not found
AuthError: user {user} has no role
SessionExpired: session {hex24} expired at {iso}
InvalidToken: token {token} is not valid
PaymentError: amount {float} {money} exceeds limit {float} {money} for customer {num}
RateLimited: 429 Too Many Requests, retry after {dur}
DeviceError: device {mac} not paired
ConnectionError: [{ip6}]:{num} unreachable
IOError: no space left on device, {size} free of {size}
ValueError: time data '{iso}' does not match format '%Y/%m/%d'
ValueError: '{word}' is not a valid OrderStatus
ValidationError: unable to parse string as an integer [type=int_parsing, input_value='{word}', input_type=str]
BatchError: could not process orders [{num}, {num}, {num}]
PodFailed: pod web-{hex24} on {node} was OOMKilled
KeyError: {num}
KeyError: 'customer_id'
KeyError: 'invoice_id'
ValidationError: last name {name} is too short
AssertionError: expected {num} rows, got {num}
WebSocketError: close code 1006 (abnormal closure), host {host}"""


def labelled_messages(each: int = 20, seed: int = 7) -> tuple[list[str], list[str]]:
    """Return messages and, for each, its template; `each` of every template."""
    fill = _fillers(random.Random(seed))
    pairs = list(_filled(fill, each))
    return [message for message, _ in pairs], [template for _, template in pairs]


def _filled(fill: dict[str, Callable[[], str]], each: int) -> Iterator[tuple[str, str]]:
    for template in _TEMPLATES.split("\n"):
        for _ in range(each):
            yield re.sub(r"\{(\w+)\}", lambda match: fill[match[1]](), template), template


def _fillers(made: random.Random) -> dict[str, Callable[[], str]]:
    def hexes(count: int, digits: str = "0123456789abcdef") -> str:
        return "".join(made.choices(digits, k=count))

    def number() -> str:
        return str(made.randrange(10 ** made.choice((1, 3, 5, 9))))

    def ip() -> str:
        return ".".join(str(made.randint(1, 254)) for _ in range(4))

    def path() -> str:
        return "/" + "/".join(made.choices(_WORDS, k=made.randint(2, 5))) + made.choice(("", ".csv", "-7.json"))

    def word() -> str:
        return made.choice(_WORDS)

    domains, zones = ("com", "net", "org"), ("Z", "+02:00", ".123Z")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    amounts = (lambda: f"{made.randint(1, 900)}", lambda: f"{made.uniform(0, 90):.2f}")
    return {
        "num": number,
        "float": lambda: f"{made.uniform(0, 500):.{made.randint(0, 6)}f}",
        "ip": ip,
        "ip6": lambda: made.choice(
            (f"fe80::{hexes(4)}:{hexes(3)}", f"2607:f140:6:8:{hexes(4)}:1ff:fe:{hexes(4)}", f"::ffff:{ip()}")
        ),
        "mac": lambda: ":".join(hexes(2) for _ in range(6)),
        "uuid": lambda: "-".join(hexes(size) for size in (8, 4, 4, 4, 12)),
        "hex24": lambda: hexes(24),
        "addr": lambda: f"0x{hexes(12)}",
        "upper": lambda: hexes(16, "0123456789ABCDEF"),
        "token": lambda: f"eyJ{hexes(33, letters)}.{hexes(60, letters)}.{hexes(43, letters)}",
        "host": lambda: f"{word()}-{made.randint(1, 40)}.{made.choice(('eu', 'prod'))}.example.{made.choice(domains)}",
        "node": lambda: f"ip-10-0-{made.randrange(256)}-{made.randrange(256)}.eu-west-1.compute.internal",
        "url": lambda: f"https://{word()}.example.com{path()}?q={hexes(6)}",
        "path": path,
        "winpath": lambda: f"C:\\Users\\{word()}\\AppData\\Local\\Temp\\{hexes(6)}.tmp",
        "email": lambda: f"{word()}.{word()}{made.randrange(99)}@example.{made.choice(domains)}",
        "iso": lambda: (
            f"20{made.randint(10, 26)}-{made.randint(10, 12)}-17T10:{made.randint(10, 59)}:07{made.choice(zones)}"
        ),
        "dur": lambda: made.choice(amounts)() + made.choice(("ms", "s", " seconds", " min")),
        "size": lambda: made.choice(amounts)() + made.choice((" MB", " GiB", "KB", " bytes")),
        "user": lambda: made.choice(("anna", "bob", "root", "j.smith", "m_meier", "webadmin", "test9")),
        "name": lambda: made.choice(_NAMES),
        "word": word,
        "money": lambda: made.choice(("USD", "EUR", "GBP")),
    }
