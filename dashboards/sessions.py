"""Who a visitor is, and which kernels are theirs."""

import hashlib
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

import jwt
from jupyter_server.auth import Authorizer, IdentityProvider, User

COOKIE: Final = "atlas_session"
ISSUER: Final = "atlas-identity"
AUDIENCE: Final = "atlas"
_REQUIRED: Final = ["aud", "exp", "iss", "jti", "sub"]


@dataclass(frozen=True)
class Session:
    """A signed-in visitor."""

    token: str = field(repr=False)
    subject: str
    email: str

    @property
    def owner(self) -> str:
        """The name under which kernels are kept: this sign-in of this account."""
        return f"{self.subject}:{hashlib.sha256(self.token.encode()).hexdigest()[:16]}"


def read_session(token: str | None, jwt_key: str) -> Session | None:
    """Return the session that `token` proves; None when it is missing, forged, expired or of another issuer.

    Whether it was ended since, only identity knows: `accounts.session_holds`.
    """
    try:
        claims = jwt.decode(
            token or "",
            jwt_key,
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError:
        return None
    return Session(token=token or "", subject=str(claims["sub"]), email=str(claims.get("email", "")))


def session_of_cookies(header: str, jwt_key: str) -> Session | None:
    """Return the session in a `Cookie` header."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return read_session(morsel.value if morsel else None, jwt_key)


class VisitorProvider(IdentityProvider):
    """Tells Jupyter who asks: whoever identity signed, or nobody."""

    @property
    def auth_enabled(self) -> bool:
        """True: there is no way around signing in."""
        return True

    def get_user(self, handler: Any) -> User | None:
        """Return the visitor of this request."""
        session = read_session(handler.get_cookie(COOKIE), handler.settings["atlas"].jwt_key)
        return User(username=session.owner, name=session.email) if session else None

    def get_handlers(self) -> list[Any]:
        """Return none: sign-in pages are routes of the application."""
        return []

    def is_token_authenticated(self, _handler: Any) -> bool:
        """Return False: Jupyter's own tokens are not used, so origins are always checked."""
        return False


class OwnKernelsOnly(Authorizer):
    """A kernel may be used by the session that started it, and by nobody else."""

    def is_authorized(self, handler: Any, user: User, _action: str, _resource: str) -> bool:
        """Return whether this user owns the kernel in the request's path."""
        kernel_id = (handler.path_kwargs or {}).get("kernel_id")
        return kernel_id is not None and handler.kernel_manager.owners.get(kernel_id) == user.username
