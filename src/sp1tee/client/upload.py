"""One upload: a place for it, the bytes, and again if the connection breaks."""

from sp1tee.client.parcel import Parcel
from sp1tee.client.rpc import ArtifactKind, Place
from sp1tee.client.session import Session
from sp1tee.errors import ServerRefusal, Unreachable
from sp1tee.wire.signing import Signer


class Upload:
    """Uploads one parcel, and remembers between attempts where to.

    A repeated attempt uses the same place, as the SDK does. If the server does not want it there
    any more, the attempt before may have arrived whole with only the answer lost; then the next
    one asks for a new place.
    """

    def __init__(
        self,
        session: Session,
        signer: Signer,
        kind: ArtifactKind,
        parcel: Parcel,
        what: str,
    ) -> None:
        self._session = session
        self._signer = signer
        self._kind = kind
        self._parcel = parcel
        self._what = what
        self._place: Place | None = None

    def run(self) -> str:
        """Upload it; returns the URI by which requests name it.

        Raises:
            Unreachable: patience is at its end.
            ServerRefusal: the server does not want it.
            InputFileError: it cannot be read, or changed.
        """
        return self._session.repeat(self._attempt)

    def _attempt(self) -> str:
        again = self._place is not None
        place = self._place or self._session.calls.create_artifact(self._signer, self._kind)
        self._place = place
        try:
            self._session.transfers.put(place.upload_url, self._parcel, self._what)
        except ServerRefusal as refusal:
            if not again:
                raise
            self._place = None
            raise Unreachable(refusal.message, server_code=refusal.server_code) from None
        return place.uri
