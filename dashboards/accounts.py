"""What the server asks identity about a session before a kernel works for it."""

from typing import Any

from dashboards.client import Client, ServiceUrls, SessionEndedError


async def session_holds(urls: ServiceUrls, token: str) -> bool:
    """Return whether identity still takes the token: nobody signed out, changed the password or removed the account.

    Raises:
        ApiError: The identity service does not answer, or not as agreed.
    """
    return await _accepted(urls, token, "GET", "/auth/session")


async def sign_out(urls: ServiceUrls, token: str) -> None:
    """End the session of a token; a second call changes nothing.

    Raises:
        ApiError: The identity service does not answer, or not as agreed.
    """
    await _accepted(urls, token, "POST", "/auth/signout")


async def _accepted(urls: ServiceUrls, token: str, method: str, path: str) -> bool:
    client = Client(urls, token)
    try:
        await client.send(method, "identity", path, dict[str, Any])
    except SessionEndedError:
        return False
    finally:
        await client.close()
    return True
