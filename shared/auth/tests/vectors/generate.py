"""Makes jwe.json and ../keys/jwks.json with jwcrypto, a JOSE library that shares no code with ours.

    pip install jwcrypto==1.6.1
    python generate.py

`ours.json` holds texts encrypted by our code (fixed key and IV). They go into `jwe.json` only after jwcrypto opened
them. The other direction is encrypted by jwcrypto, with its own random IV, so each run writes other texts.
"""

import json
from pathlib import Path

from jwcrypto import jwe, jwk

HERE = Path(__file__).parent
KEYS = HERE.parent / "keys"


def b64(raw):
    from jwcrypto.common import base64url_encode

    return base64url_encode(raw)


def key(k):
    return jwk.JWK(kty="oct", k=k)


theirs = []
for n, plaintext in enumerate(["", "eJwtzM9q…", "小区大门" * 100]):
    k = b64(bytes((7 * i + n) % 256 for i in range(32)))
    header = {"alg": "dir", "enc": "A256GCM", "kid": f"v{n + 1}"}
    token = jwe.JWE(plaintext.encode(), json.dumps(header), recipient=key(k))
    theirs.append(
        {"k": k, "kid": header["kid"], "plaintext": plaintext, "jwe": token.serialize(compact=True)}
    )

ours = json.loads((HERE / "ours.json").read_text())
for vector in ours:
    token = jwe.JWE(algs=["dir", "A256GCM"])
    token.deserialize(vector["jwe"], key(vector["k"]))
    assert token.payload.decode() == vector["plaintext"]

(HERE / "jwe.json").write_text(
    json.dumps({"theirs": theirs, "ours_opened_by_theirs": ours}, indent=1, ensure_ascii=False) + "\n"
)

public = []
for name in ["rsa-1", "rsa-2", "ec-1", "ed-1"]:
    pair = jwk.JWK.from_pem((KEYS / f"test-{name}.pem").read_bytes())
    public.append({"kid": name, **{m: v for m, v in pair.export_public(as_dict=True).items() if m != "kid"}})
(KEYS / "jwks.json").write_text(json.dumps({"keys": public}, indent=1) + "\n")
