"""Explains failed downloads to the user, as a sentence and a hint without the libraries' own messages."""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import requests
import urllib3

from assistant.models.hubs import TOKEN_HUB
from assistant.text.i18n import ntr, tr

_DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN_ERRNOS = (errno.EACCES, errno.EPERM, errno.EROFS)
_DEFAULT_WAIT_MINUTES = 5  # where the hub does not say how long


def explain_error(error: Exception, name: str) -> tuple[str, str]:
    """A sentence on why `name`, a model or a file of one, could not be downloaded, and a hint what to do."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _explain_http_status(error.response, name)
    reason, hint = (
        _explain_network_error(error) if isinstance(error, requests.RequestException) else _explain_local_error(error)
    )
    return tr("“{name}” could not be fetched: {what}.").format(name=name, what=reason), hint


def is_final_error(error: Exception) -> bool:
    """Whether retrying at once is useless."""
    response = error.response if isinstance(error, requests.HTTPError) else None
    return response is not None and (response.status_code in (401, 404, 429) or "X-Error-Code" in response.headers)


def _explain_network_error(error: requests.RequestException) -> tuple[str, str]:
    """Reason and hint for an error of the network."""
    host = _request_host(error)
    retry_hint = tr("Check the network, or choose another hub or mirror, then run it again.")
    match error:
        case requests.exceptions.ProxyError() | requests.exceptions.InvalidProxyURL():
            return tr("the proxy does not let it through"), tr("Check HTTPS_PROXY and NO_PROXY, then run it again.")
        case requests.exceptions.SSLError():
            return tr("the certificate of “{host}” is not trusted").format(host=host), _certificate_hint()
        case ValueError():  # requests' errors for invalid addresses derive from it
            return tr("the hub's address is not valid"), tr("Check HF_ENDPOINT or MODELSCOPE_DOMAIN.")
        case requests.TooManyRedirects() | requests.exceptions.ContentDecodingError():
            return tr("the hub's answer makes no sense"), retry_hint
        case requests.ConnectTimeout() | requests.ConnectionError() if _has_never_connected(error):
            return tr("this computer is offline, or “{host}” cannot be reached").format(host=host), retry_hint
        case requests.Timeout():
            return tr("“{host}” does not answer").format(host=host), retry_hint
        case _:
            return tr("the line was cut"), tr("What is here stays; run it again to go on.")


def _explain_local_error(error: Exception) -> tuple[str, str]:
    """Reason and hint for an error of the disk, or an invalid answer of the hub."""
    if not isinstance(error, OSError):
        retry_hint = tr("Check the network, or choose another hub or mirror, then run it again.")
        return tr("the hub's answer makes no sense"), retry_hint
    if error.errno in _DISK_FULL_ERRNOS:
        return tr("the disk is full"), tr("Make room, or set HF_HOME to a larger disk; what is here stays.")
    if error.errno in _FORBIDDEN_ERRNOS:
        hint = tr("Make the folder yours, or set HF_HOME to another one.")
        return tr("“{folder}” cannot be written").format(folder=error.filename or ""), hint
    if "CA certificate" in str(error):  # raised by requests, without an errno
        return tr("the file with the certificates is missing"), _certificate_hint()
    hint = tr("Check the disk, or set HF_HOME to a folder on another one.")
    return tr("the disk reports “{reason}”").format(reason=error.strerror or type(error).__name__), hint


def _explain_http_status(response: requests.Response, name: str) -> tuple[str, str]:
    """Sentence and hint for an HTTP error."""
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    host = urlsplit(response.url).hostname or ""
    values = {"name": name, "host": host, "status": status}
    if code == "RevisionNotFound":
        sentence = tr("“{host}” does not have the version of “{name}” that Hark knows.").format(**values)
        return sentence, tr("Choose another hub or mirror, or update Hark.")
    if code == "RepoNotFound" or status == 404:
        return tr("“{host}” has no “{name}”.").format(**values), tr("Check the name: owner/name, as the hub writes it.")
    if code == "GatedRepo" or status == 403:
        return tr("“{host}” gives “{name}” to nobody without permission.").format(**values), _login_hint(host)
    if status == 401:  # for private and for nonexistent models alike
        sentence = tr("“{host}” does not show “{name}”: it is private, or there is none of this name.").format(**values)
        return sentence, _login_hint(host)
    if status == 407:
        return tr("The proxy wants a name and a password."), tr("Put them into HTTPS_PROXY, then run it again.")
    if status == 429:
        return tr("“{host}” had too many requests from here.").format(**values), _waiting_hint(response)
    if status >= 500:
        sentence = tr("“{host}” is out of order at the moment ({status}).").format(**values)
        return sentence, tr("Try again later, or choose another hub or mirror; what is here stays.")
    sentence = tr("“{host}” refuses to give “{name}” ({status}).").format(**values)
    return sentence, tr("Try again later, or choose another hub or mirror.")


def _has_never_connected(error: requests.RequestException) -> bool:
    return isinstance(error, requests.ConnectTimeout) or bool(
        error.args and isinstance(error.args[0], urllib3.exceptions.MaxRetryError)
    )


def _request_host(error: requests.RequestException) -> str:
    address = str(error.request.url) if error.request is not None else ""
    return urlsplit(address).hostname or ""


def _certificate_hint() -> str:
    return tr("Check this computer's clock; where a firewall reads along, let REQUESTS_CA_BUNDLE name its certificate.")


def _login_hint(host: str) -> str:
    hint = tr("Ask for it on the hub's page and log in (hf auth login), then run it again.")
    token_host = urlsplit(TOKEN_HUB).hostname
    token_note = tr("Hark sends the token to {host} alone.").format(host=token_host)
    return hint if host == token_host else f"{hint} {token_note}"


def _waiting_hint(response: requests.Response) -> str:
    seconds = response.headers.get("Retry-After", "")
    minutes = (
        min(-(-int(seconds) // 60), 24 * 60) if seconds.isdecimal() and len(seconds) < 9 else _DEFAULT_WAIT_MINUTES
    )
    return ntr("Run it again in a minute.", "Run it again in {n} minutes.", max(minutes, 1))
