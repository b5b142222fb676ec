"""A whole call, with the client that openapi-generator makes of openapi.yaml for Python.

Its models check what they read, so an answer that does not fit raises. The people are `device123` at the door and
`user456`.
"""

import os
import time

from openapi_client import ApiClient, Configuration
from openapi_client.api.calls_api import CallsApi
from openapi_client.api.clients_api import ClientsApi
from openapi_client.exceptions import ApiException
from openapi_client.models.call_state import CallState
from openapi_client.models.callee_action import CalleeAction
from openapi_client.models.caller_action import CallerAction
from openapi_client.models.place_call import PlaceCall
from openapi_client.models.register_client import RegisterClient

DOOR, RESIDENT = "device123", "user456"


def party(token: str) -> ApiClient:
    return ApiClient(Configuration(host=os.environ["ILOCK_URL"], access_token=os.environ[token]))


door, resident = CallsApi(party("ILOCK_DOOR_TOKEN")), CallsApi(party("ILOCK_USER_TOKEN"))
clients = ClientsApi(party("ILOCK_USER_TOKEN"))

phone = RegisterClient.from_dict({"client_id": f"{RESIDENT}_phone", "platform": "android", "app_version": "1.2.3"})
phone_id = clients.register_client(phone).data.mqtt_credentials.client_id

press = PlaceCall.from_dict(
    {"callee_id": RESIDENT, "ring_seconds": 30, "caller_info": {"name": "前门设备"}, "invitation_data": {"why": "parcel"}}
)
placed = door.create_call(press, idempotency_key="press-1").data
assert placed.state is CallState.RINGING and placed.room_info.user_sig
assert door.create_call(press, idempotency_key="press-1").data.call_id == placed.call_id
assert resident.get_call(placed.call_id).data.caller_info.name == "前门设备"
for act, state in [("ringing", CallState.RINGING), ("accepted", CallState.ACTIVE)]:
    action = CalleeAction.from_dict({"call_id": placed.call_id, "action": act, "client_id": phone_id})
    assert resident.callee_action(action).data.state is state

try:
    door.caller_action(CallerAction.from_dict({"call_id": placed.call_id, "action": "cancelled"}))
    raise SystemExit("an active call was cancelled")
except ApiException as refused:
    assert refused.status == 409 and refused.data.data.state is CallState.ACTIVE, refused
ended = door.caller_action(CallerAction.from_dict({"call_id": placed.call_id, "action": "hangup"})).data
assert ended.state is CallState.ENDED

for _ in range(100):
    history = resident.list_calls().data.calls
    if [entry.state for entry in history] == [CallState.ENDED]:
        break
    time.sleep(0.1)  # It is written beside the call.
assert [entry.call_id for entry in history] == [placed.call_id], history
assert clients.remove_client(phone_id).data.removed == [phone_id]
print("a whole call with openapi-generator: 4 commits")
