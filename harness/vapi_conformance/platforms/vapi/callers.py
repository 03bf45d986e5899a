"""Who is calling, made up: a person, a number, and the call objects that Vapi sends with every request.

Nothing here can exist. Numbers are from ranges kept for fiction (NANP 555-0100 to 555-0199; Ofcom's drama numbers
+44 7700 900xxx; Arcep's +33 6 39 98 xx xx), hosts are under `.example` (RFC 2606), ids are drawn from the seed.
The same seed gives the same caller, for one version of faker even the same name.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from random import Random
from uuid import UUID

__all__ = ["CALL_HOST", "Caller", "Era"]

CALL_HOST = "calls.vapi.example"
_LOCALES = ("en_US", "en_GB", "fr_FR")
_FIRST_CALL = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_CALLS_WITHIN = timedelta(days=180)


class Era(Enum):
    """What the objects around the messages looked like, and when. Only 2024-12 is known from complete LLM requests;
    2026 is put together from webhooks and API answers of that year and from reports about LLM requests."""

    WEB_2024_12 = "2024-12 web"
    WEB_2026 = "2026 web"
    PHONE_2026 = "2026 phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A made-up person on the line, and the ids of everything around the call."""

    seed: int
    locale: str
    number: str
    """E.164, from a range that is never assigned."""
    assistant_number: str
    """The number that was dialled."""
    call_id: str
    """UUIDv7: Vapi's call ids are ordered by time since 2025."""
    org_id: str
    assistant_id: str
    phone_number_id: str
    provider_call_id: str
    room: str
    started_at: datetime

    @classmethod
    def from_seed(cls, seed: int, *, locale: str | None = None) -> "Caller":
        """The caller with this number in the book. `locale` is one of en_US, en_GB, fr_FR; drawn where None."""
        random = Random(seed)  # noqa: S311 - reproducible, not secret
        drawn = random.choice(_LOCALES)
        spoken = drawn if locale is None else locale
        started_at = _FIRST_CALL + timedelta(
            milliseconds=random.randrange(int(_CALLS_WITHIN / timedelta(milliseconds=1)))
        )
        return cls(
            seed=seed,
            locale=spoken,
            number=_number(random, spoken),
            assistant_number=_number(random, spoken),
            call_id=str(_uuid7(random, started_at)),
            org_id=str(_uuid4(random)),
            assistant_id=str(_uuid4(random)),
            phone_number_id=str(_uuid4(random)),
            provider_call_id=f"CA{random.getrandbits(128):032x}",
            room="".join(random.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=20)),
            started_at=started_at,
        )

    @property
    def name(self) -> str:
        """Drawn when somebody asks: faker is slow to load, and no request to the model holds the name."""
        return _name(self.seed, self.locale)

    @property
    def timestamp(self) -> str:
        """When the call was created, as Vapi writes times: milliseconds and Z."""
        return _timestamp(self.started_at)

    def call(self, era: Era) -> dict[str, object]:
        """`call`: `status` and all else stay as they were when the call was created, in every request."""
        head: dict[str, object] = {
            "id": self.call_id,
            "orgId": self.org_id,
            "createdAt": self.timestamp,
            "updatedAt": self.timestamp,
            "type": "inboundPhoneCall" if era is Era.PHONE_2026 else "webCall",
        }
        if era is not Era.WEB_2024_12:
            head["cost"] = 0
        head["monitor"] = {
            "listenUrl": f"wss://{CALL_HOST}/{self.call_id}/listen",
            "controlUrl": f"https://{CALL_HOST}/{self.call_id}/control",
        }
        return head | (self._phone_part() if era is Era.PHONE_2026 else self._web_part(era))

    def _phone_part(self) -> dict[str, object]:
        return {
            "transport": {"conversationType": "voice", "provider": "twilio", "callSid": self.provider_call_id},
            "phoneCallProvider": "twilio",
            "phoneCallProviderId": self.provider_call_id,
            "phoneCallTransport": "pstn",
            "status": "ringing",
            "assistantId": self.assistant_id,
            "assistantOverrides": {"variableValues": {}},
            "phoneNumberId": self.phone_number_id,
            "customer": self.customer(),
        }

    def _web_part(self, era: Era) -> dict[str, object]:
        url = f"https://rooms.vapi.example/{self.room}"
        if era is Era.WEB_2024_12:
            transport: dict[str, object] = {"assistantVideoEnabled": False}
            overrides: dict[str, object] = {"clientMessages": ["transfer-update", "transcript"]}
        else:
            transport = {
                "conversationType": "voice",
                "provider": "daily",
                "videoRecordingEnabled": False,
                "assistantVideoEnabled": False,
                "roomDeleteOnUserLeaveEnabled": True,
                "callUrl": url,
            }
            overrides = {"variableValues": {}}
        return {
            "transport": transport,
            "webCallUrl": url,
            "status": "queued",
            "assistantId": self.assistant_id,
            "assistantOverrides": overrides,
        }

    def customer(self) -> dict[str, object]:
        """`customer`: who calls. Callers have no name at Vapi unless the call was placed with one."""
        return {"number": self.number}

    def phone_number(self) -> dict[str, object]:
        """`phoneNumber`: the number that was dialled, as the record of 2026 has it."""
        created = _timestamp(self.started_at - timedelta(days=30))
        return {
            "id": self.phone_number_id,
            "orgId": self.org_id,
            "assistantId": self.assistant_id,
            "number": self.assistant_number,
            "createdAt": created,
            "updatedAt": created,
            "provider": "twilio",
            "status": "active",
        }

    def credentials_2024(self, provider: str) -> list[dict[str, object]]:
        """`credentials` as every request of December 2024 had it: 38 keys each, with a key of another vendor too."""
        return [self._credential_2024(0, provider), self._credential_2024(1, "playht", userId="made-up-user")]

    def _credential_2024(self, number: int, provider: str, **known: str) -> dict[str, object]:
        random = Random(f"{self.seed} credential {number}")  # noqa: S311 - reproducible, not secret
        created = _timestamp(self.started_at - timedelta(days=200))
        record: dict[str, object] = {
            "id": str(_uuid4(random)),
            "orgId": self.org_id,
            "provider": provider,
            "createdAt": created,
            "updatedAt": created,
        }
        record |= dict.fromkeys(_CREDENTIAL_KEYS_2024)
        return record | {"apiKey": f"made-up-key-{random.getrandbits(64):016x}"} | known


_CREDENTIAL_KEYS_2024 = (
    "accountSid",
    "authToken",
    "apiKey",
    "openAIEndpoint",
    "openAIKey",
    "userId",
    "apiSecret",
    "vonageApplicationId",
    "vonageApplicationPrivateKey",
    "teamId",
    "region",
    "models",
    "s3BucketName",
    "awsAccessKeyId",
    "awsSecretAccessKey",
    "gateways",
    "name",
    "outboundAuthenticationPlan",
    "sbcConfiguration",
    "outboundLeadingPlusEnabled",
    "techPrefix",
    "sipDiversionHeader",
    "s3PathPrefix",
    "sbcAccountConfiguration",
    "apiUrl",
    "gcpKey",
    "bucketPlan",
    "accountId",
    "accountEmail",
    "publicKey",
    "service",
    "authenticationPlan",
    "authenticationSession",
)


@cache  # faker takes tens of milliseconds to load a locale
def _name(seed: int, locale: str) -> str:
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(seed)
    return fake.name()


def _number(random: Random, locale: str) -> str:
    match locale:
        case "en_GB":
            return f"+447700900{random.randrange(1000):03}"
        case "fr_FR":
            return f"+3363998{random.randrange(10_000):04}"
        case _:
            return f"+1{random.choice(('212', '312', '415', '617', '713'))}55501{random.randrange(100):02}"


def _timestamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _uuid4(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def _uuid7(random: Random, at: datetime) -> UUID:
    """RFC 9562, 5.7: 48 bits of milliseconds, version, 12 random bits, variant, 62 random bits."""
    milliseconds = int(at.timestamp() * 1000)
    value = milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64 | 0b10 << 62 | random.getrandbits(62)
    return UUID(int=value)
