"""What an empty page says: the next thing to do."""

from datetime import UTC, datetime

from dashboards.markup import escaped

_FIRST_EVENT = """curl -i {url}/api/ingest/events \\
  -H "X-API-Key: $ATLAS_API_KEY" -H "Content-Type: application/json" \\
  -d '{{"level":"error","message":"First light",
       "stack_trace":"","timestamp":"{now}"}}'"""
_FIRST_PROJECT = """curl {url}/project/create-organization -H "Authorization: Bearer $ATLAS_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"organization_name":"Acme"}}'
curl {url}/project/create-project -H "Authorization: Bearer $ATLAS_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"organization_id":"<id from above>","project_name":"shop"}}'"""


def first_event(ingestion_url: str, title: str = "No issues yet") -> str:
    """Return how to send the first event of a project."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:00:00Z")  # by the hour: the same text is not sent again every poll
    return _hint(
        title,
        "Send an event; it appears here within seconds. The API key was shown when the project was created.",
        _FIRST_EVENT.format(url=ingestion_url, now=now),
    )


def first_project(identity_url: str) -> str:
    """Return how to make the first project of an account."""
    return _hint(
        "No projects yet",
        "Make an organization and a project. The second answer has the project's API key, shown once. "
        "The token is what POST /auth/signin answers.",
        _FIRST_PROJECT.format(url=identity_url),
    )


def session_ended() -> str:
    """Return the way back in."""
    return (
        '<div class="atlas-notice" role="alert" data-state="session-ended"><b>Your session has ended.</b> '
        '<a href="/sign-in">Sign in again</a> to go on.</div>'
    )


def _hint(title: str, text: str, command: str) -> str:
    return (
        f'<section class="atlas-hint" data-state="empty"><h2>{escaped(title)}</h2><p>{escaped(text)}</p>'
        f'<pre class="atlas-code" tabindex="0">{escaped(command)}</pre></section>'
    )
