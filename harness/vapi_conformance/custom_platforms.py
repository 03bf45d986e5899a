"""Platforms that other distributions add: the entry points `vapi_conformance.platforms`.

The entry point's name is the platform's. It is loaded when a run names it, and not before. Whatever its code raises
while it puts requests together ends the run with one sentence that names the distribution: what it would have sent is
not known then, so there is nothing to judge.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Self, TypeVar

from vapi_conformance.additions import Addition, AdditionError, additions, one_sentence
from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.calling import PLATFORMS, Calling, PlatformName, native_body, platform_name
from vapi_conformance.platforms.header_fields import checked_headers
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile

__all__ = ["CustomPlatform", "FoundPlatform", "PlatformSettings", "custom_names", "find_platform"]

_Value = TypeVar("_Value")
_MOST_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """What the user said of the run, checked; secrets are resolved."""

    base_url: str
    dialect: Dialect
    model: str | None
    """None: nobody named one."""
    api_key: str | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """To be sent with every request, in place of the platform's own of the same name."""
    options: Mapping[str, str] = field(repr=False)
    """Those that the platform has, as given with `--endpoint-platform-option`."""
    seed: int
    """Another one in each run: endpoints keep state by the call, and each run makes calls of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomPlatform:
    """What an entry point names: a platform and its defaults."""

    make: Callable[[PlatformSettings], Calling]
    """The platform set up for a run; `timeout_s` of it is the default. Raises UsageError for what cannot be sent."""
    dialects: Sequence[Dialect]
    """What it can speak; the first is the default."""
    profile: Profile = Profile.STANDARD
    """What a verdict is measured against by default."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of its own, and what each of them is, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlatform:
    """A custom platform that was loaded and looked at."""

    addition: Addition
    platform: CustomPlatform

    @property
    def name(self) -> PlatformName:
        """Of the entry point."""
        return platform_name(self.addition.name)

    def check_fit(self, dialect: Dialect, *, has_credential: bool) -> None:
        """Raises UsageError for settings that contradict the platform."""
        if dialect not in self.platform.dialects:
            spoken = ", ".join(self.platform.dialects)
            raise UsageError(f"the platform {self.name} does not call by {dialect}; it has {spoken}")
        if has_credential:
            raise UsageError(
                f"--endpoint-credential is for vapi and rapida; the platform is {self.name}, whose settings are given "
                "with --endpoint-platform-option"
            )

    def calling(self, settings: PlatformSettings, secrets: Secrets) -> Calling:
        """Ready to call. Raises UsageError, of the user's mistake or naming the distribution that failed.

        secrets: what no such sentence may quote.
        """
        border = _Border(addition=self.addition, secrets=secrets)
        made = border.take("make", lambda: self.platform.make(settings))
        missing = [name for name in _MEMBERS if not border.take(name, partial(hasattr, made, name))]
        if missing:
            raise border.broken(f"make gives a {type(made).__name__} without {', '.join(missing)}")
        guarded = _Guarded(border=border, inner=made)
        guarded.try_out(settings.dialect)
        return guarded


def custom_names() -> list[str]:
    """Of all that are installed; nothing of them is imported."""
    return sorted({each.name for each in additions("platforms")} - set(PLATFORMS))


def find_platform(name: str) -> FoundPlatform | None:
    """None where no distribution adds one of that name. Raises AdditionError for one that cannot be used."""
    found = [each for each in additions("platforms") if each.name == name and name not in PLATFORMS]
    if not found:
        return None
    addition = found[0]
    if len(found) > 1:
        others = " and ".join(str(each) for each in found[1:])
        raise addition.broken(f"{others} has one of that name, too; uninstall one of them")
    loaded = addition.load()
    if not isinstance(loaded, CustomPlatform):
        raise addition.broken(f"it names a {type(loaded).__name__}, and not a CustomPlatform")
    _check(addition, loaded)
    return FoundPlatform(addition=addition, platform=loaded)


def _check(addition: Addition, platform: CustomPlatform) -> None:
    """What strict types would have said."""
    if not platform.dialects or any(each not in EVERY for each in platform.dialects):
        raise addition.broken("it speaks no dialect in which a model is asked")
    if platform.profile not in list(Profile):
        raise addition.broken(f"its profile is none of {', '.join(Profile)}")
    if platform.profile is Profile.VAPI and not set(platform.dialects) <= CHAT:
        raise addition.broken("its profile is vapi, which is about Chat Completions; it speaks more")
    texts: list[object] = [*platform.options.keys(), *platform.options.values()]
    if not all(isinstance(each, str) for each in texts):
        raise addition.broken("its options are not texts by name")


_MEMBERS: Final = tuple(sorted(name for name in vars(Calling) if not name.startswith("_")))


@dataclass(frozen=True, kw_only=True)
class _Border:
    """Between a stranger's code and ours."""

    addition: Addition
    secrets: Secrets

    def take(self, what: str, give: Callable[[], _Value]) -> _Value:
        """What the code gives. Its own words for the user's mistakes pass, but for what they quote."""
        try:
            return give()
        except UsageError as problem:
            raise UsageError(self._shown(str(problem))) from problem
        except Exception as problem:
            raise self.broken(f"{what} fails with {one_sentence(problem)}") from problem

    def of_kind(self, what: str, value: object, kind: type[_Value]) -> _Value:
        """The value. Raises AdditionError for one of another type."""
        if not isinstance(value, kind):
            raise self.broken(f"{what} gives a {type(value).__name__}, which is not what it should give")
        return value

    def texts(self, what: str, give: Callable[[], Iterable[object]]) -> tuple[str, ...]:
        """Several, in any kind of sequence but a text."""
        found = self.take(what, give)
        if isinstance(found, str):
            raise self.broken(f"{what} gives a str, which is not what it should give")
        return tuple(self.of_kind(what, each, str) for each in self.take(what, lambda: tuple(found)))

    def broken(self, why: str) -> AdditionError:
        """To be raised."""
        return self.addition.broken(self._shown(why))

    def _shown(self, text: str) -> str:
        return self.secrets.masked(text) or "its words may quote the key, which is too short to be masked in them"


def _as_sent(platform: Calling, body: Mapping[str, object]) -> bytes:
    return utf8_json(native_body(platform, body, {}))


@dataclass(frozen=True, kw_only=True)
class _Guarded:
    """The same platform, whose failures name it."""

    border: _Border
    inner: Calling

    def try_out(self, dialect: Dialect) -> None:
        """Everything once, before the first request: most mistakes show at once."""
        if self.dialect is not dialect:
            raise self.border.broken(f"it was to speak {dialect}, and speaks {self.dialect}")
        for each in (self, self.in_call(1)):
            _ = (each.base_url, each.model, each.has_key, each.secrets, each.system_prompts, each.extra, each.lints())
            each.url(model="another", stream=False)
            each.headers(bearer="another")
            body = each.chat_body([{"role": "user", "content": "Hello?"}], tools=[], mode=None)
            self.border.take("chat_body", partial(_as_sent, each, body))
        if not 0 < self.timeout_s <= _MOST_TIMEOUT_S:
            raise self.border.broken(f"its timeout_s is {self.timeout_s}, and not above 0 and up to 600")

    @property
    def name(self) -> PlatformName:
        """Of the entry point, whatever the object calls itself."""
        return platform_name(self.border.addition.name)

    @property
    def dialect(self) -> Dialect:
        """See `Calling`; so below."""
        return self.border.of_kind("dialect", self.border.take("dialect", lambda: self.inner.dialect), Dialect)

    @property
    def base_url(self) -> str:
        return self.border.of_kind("base_url", self.border.take("base_url", lambda: self.inner.base_url), str)

    @property
    def model(self) -> str:
        return self.border.of_kind("model", self.border.take("model", lambda: self.inner.model), str)

    @property
    def has_key(self) -> bool:
        return self.border.take("has_key", lambda: bool(self.inner.has_key))

    @property
    def tokens(self) -> None:
        """Fetching and renewing them is for Vapi's credentials; others send what their user has."""
        return

    @property
    def timeout_s(self) -> float:
        return self.border.take("timeout_s", lambda: float(self.inner.timeout_s))

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.border.texts("secrets", lambda: self.inner.secrets)

    @property
    def system_prompts(self) -> tuple[str, ...]:
        return self.border.texts("system_prompts", lambda: self.inner.system_prompts)

    @property
    def extra(self) -> Mapping[str, object]:
        return self.border.take("extra", lambda: dict(self.inner.extra))

    def url(self, *, model: str | None = None, stream: bool = True) -> str:
        """See `Calling`."""
        return self.border.of_kind(
            "url", self.border.take("url", lambda: self.inner.url(model=model, stream=stream)), str
        )

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """See `Calling`."""
        border = self.border
        fields = border.take("headers", lambda: [(name, value) for name, value in self.inner.headers(bearer=bearer)])
        found = tuple(
            (border.of_kind("headers", name, str), border.of_kind("headers", value, str)) for name, value in fields
        )
        for name, value in found:
            try:
                checked_headers({name: value})
            except UsageError as problem:
                raise border.broken(str(problem)) from problem
        return found

    def chat_body(
        self, messages: Sequence[Mapping[str, object]], *, tools: Sequence[Mapping[str, object]], mode: str | None
    ) -> dict[str, object]:
        """See `Calling`."""
        return self.border.take("chat_body", lambda: dict(self.inner.chat_body(messages, tools=tools, mode=mode)))

    def in_call(self, number: int) -> Self:
        """See `Calling`."""
        return replace(self, inner=self.border.take("in_call", lambda: self.inner.in_call(number)))

    def lints(self) -> tuple[Lint, ...]:
        """See `Calling`."""
        found = self.border.take("lints", lambda: tuple(self.inner.lints()))
        return tuple(self.border.of_kind("lints", each, Lint) for each in found)
