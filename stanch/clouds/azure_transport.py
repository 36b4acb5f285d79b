"""The connections of all Azure clients of a deployment: one pool, one TLS context, bounded patience."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import Any

import requests
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context


class OneContextAdapter(HTTPAdapter):
    """Connections that share a TLS context: requests reads the authorities' certificates anew for every one of them, which takes some 20 ms each."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """The context in the place of the file of certificates, as requests' own documentation of this method has it."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify and host["scheme"] == "https":
            authorities = Path(DEFAULT_CA_BUNDLE_PATH if verify is True else verify)
            context = _context(authorities, authorities.stat().st_mtime_ns)
            others = {name: value for name, value in tls.items() if name not in ("ca_certs", "ca_cert_dir")}
            return host, {**others, "ssl_context": context}
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """requests would give the connection the file of certificates once more."""
        if not (verify and url.lower().startswith("https")):
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


@cache
def _context(authorities: Path, version: int) -> SSLContext:
    """urllib3's own context, which verifies names and certificates, with this `version` of a file or folder of certificates."""
    context = create_urllib3_context()
    if authorities.is_dir():
        context.load_verify_locations(capath=authorities)
    else:
        context.load_verify_locations(cafile=authorities)
    return context


def new_transport(patience: float = 30.0) -> HttpTransport[Any, Any]:
    """5 s to connect, `patience` seconds for an answer; retrying is the pipelines' business."""
    session = requests.Session()
    adapter = OneContextAdapter(pool_maxsize=20, max_retries=Retry(total=False, redirect=False, raise_on_status=False))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    transport: HttpTransport[Any, Any] = RequestsTransport(
        session=session, connection_timeout=min(5.0, patience), read_timeout=patience
    )
    return transport
