"""Settings: environment variables that start with LECTERN_, and the same names in a `.env` file.

A name's default, unit and meaning stand here and, word for word, in docs/settings.md. Only `services.compose` and the
command line read settings; everything else is given values. An empty variable counts as one that isn't set. A variable
of the environment wins over the file, an override of the command line over both.

Rules that span two settings are validators of the later one, so that one start reports all mistakes, not the first.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from shared.core.errors import LecternError

PREFIX: Final = "LECTERN_"
ENV_FILE: Final = ".env"
NAMES_OF_THE_COMMAND_LINE: Final = frozenset({"LECTERN_URL"})
"""Read by `lectern put`, `token` and the like to find a host; no setting of the host itself."""
DIALECTS: Final = ("office", "collabora", "onlyoffice")
"""Kinds of WOPI clients that can each have a discovery document of their own."""
LONGEST_DURATION: Final = timedelta(days=36_500)
TOKEN_SECRET_MIN_LENGTH: Final = 32
API_KEY_MIN_LENGTH: Final = 16

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNITS: Final = {
    "": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION: Final = re.compile(r"(\d{1,20}(?:\.\d{1,6})?)\s*([smhd]?)", re.ASCII)
_URL: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_HOST_NAME: Final = re.compile(r"[a-z0-9._-]+")
_MONGO_URL: Final = re.compile(r"mongodb(\+srv)?://[!-~]+")
_BROKERS: Final = re.compile(r"[A-Za-z0-9._-]+:\d{1,5}(,[A-Za-z0-9._-]+:\d{1,5})*")
_TOPIC_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")
_SEVERAL_URLS: Final = re.compile(r",\s*(?:https?://|\w+=https?://)", re.IGNORECASE)

_PLAINER_REASONS: Final = {
    "time_delta_parsing": "should be a duration: seconds (90), a number with s, m, h or d (12h), or ISO 8601 (PT12H)",
    "string_too_short": "should not be empty",
    "byte_size": "should be a size: bytes (5000000), or a number with a unit (500MB, 2GiB)",
    "byte_size_unit": "should be a size: bytes (5000000), or a number with a unit (500MB, 2GiB)",
}


class SettingsInvalid(LecternError):
    """One or more settings are wrong. `mistakes` has a sentence for each; none repeats the value of a secret."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("The settings are not usable:\n" + "\n".join(f"- {mistake}" for mistake in mistakes))
        self.mistakes = mistakes


def _seconds_or_unit(value: object) -> object:
    """Takes "36000", "600m", "10h" and "30d"; anything else is left to pydantic, which knows ISO 8601."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        number, unit = match.groups()
        try:
            return float(number) * _UNITS[unit]
        except OverflowError:
            return timedelta.max
    return value


def _in_range(duration: timedelta) -> timedelta:
    if not timedelta(0) < duration <= LONGEST_DURATION:
        raise ValueError(f"should be longer than 0 and at most {LONGEST_DURATION.days}d")
    return duration


def _has_valid_host(parts: SplitResult) -> bool:
    try:
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return port != 0 and (":" in host or _HOST_NAME.fullmatch(host) is not None)


def _parts_of_url(text: str) -> SplitResult:
    if not _URL.fullmatch(text) or "\\" in text:
        raise ValueError("should be an absolute URL that starts with http:// or https://")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("should be a URL with a valid host and port") from None
    if not _has_valid_host(parts):
        raise ValueError("should be a URL with a valid host and port")
    if "@" in parts.netloc:
        raise ValueError("should be a URL without a user name or password")
    if parts.fragment:
        raise ValueError("should be a URL without a fragment (#...)")
    return parts


def _normalised(parts: SplitResult) -> str:
    """Without the scheme's default port and without a slash at the end; scheme and host in lower case."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port not in {None, _DEFAULT_PORTS[parts.scheme]} else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _base_url(text: str) -> str:
    parts = _parts_of_url(text)
    if parts.query:
        raise ValueError("should be a URL without a query (?...)")
    return _normalised(parts)


def _issuer(text: str) -> str:
    """An issuer is compared letter by letter with a token's, so that it's checked but never changed."""
    _base_url(text)
    return text


def _discovery(text: str) -> Mapping[str, str]:
    if _URL.fullmatch(text) and not _SEVERAL_URLS.search(text):
        _parts_of_url(text)
        return {"": text}
    urls: dict[str, str] = {}
    for item in text.split(","):
        dialect, _, url = (piece.strip() for piece in item.partition("="))
        if dialect not in DIALECTS:
            raise ValueError(f"should be one URL, or dialect=URL items with a dialect of {', '.join(DIALECTS)}")
        if dialect in urls:
            raise ValueError(f"names {dialect} twice")
        _parts_of_url(url)
        urls[dialect] = url
    return urls


def _discovery_text(text: str) -> str:
    _discovery(text)
    return text


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",") if item.strip()]
    try:
        return tuple(ipaddress.ip_network(item) for item in items)
    except ValueError as error:
        raise ValueError(f"should be networks such as 10.0.0.0/8,fd00::/8: {error}") from None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _header_value(text: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError("should be visible ASCII characters without spaces: it's sent in a header")
    return text


def _brokers(text: str) -> str:
    if not _BROKERS.fullmatch(text):
        raise ValueError("should be host:port, or several of them separated by commas")
    return text


def _topic_prefix(text: str) -> str:
    if not _TOPIC_PREFIX.fullmatch(text):
        raise ValueError("should be letters, digits, dots, hyphens and underscores, 200 at most")
    return text


def _mongo_url(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not _MONGO_URL.fullmatch(secret.get_secret_value()):
        raise ValueError("should be a URL that starts with mongodb:// or mongodb+srv://")
    return secret


def _long_secret(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value()) < TOKEN_SECRET_MIN_LENGTH:
        raise ValueError(f"should be at least {TOKEN_SECRET_MIN_LENGTH} characters long")
    return secret


def _key(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(_header_value(secret.get_secret_value())) < API_KEY_MIN_LENGTH:
        raise ValueError(f"should be at least {API_KEY_MIN_LENGTH} characters long")
    return secret


Duration = Annotated[timedelta, BeforeValidator(_seconds_or_unit), AfterValidator(_in_range)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
DiscoveryUrls = Annotated[str, AfterValidator(_discovery_text)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
TokenSecret = Annotated[SecretStr | None, AfterValidator(_long_secret)]
ApiKey = Annotated[SecretStr | None, AfterValidator(_key)]
Brokers = Annotated[str, AfterValidator(_brokers)]
TopicPrefix = Annotated[str, AfterValidator(_topic_prefix)]
MongoUrl = Annotated[SecretStr | None, AfterValidator(_mongo_url)]
RoleName = Literal["none", "viewer", "editor", "owner"]
ProofMode = Literal["required", "if-sent", "off"]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class Settings(BaseSettings):
    """All settings of a host. Made by `load_settings`, which words the mistakes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",  # a `.env` file may serve others too; see `unknown_settings` for what looks like a slip
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_default=True,
    )

    public_url: BaseUrl | None = Field(
        None,
        description="The address at which browsers and WOPI clients reach this host; unset means the address it listens"
        " on.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="The address to listen on; any but a loopback address needs `LECTERN_TOKEN_SECRET` and"
        " `LECTERN_API_KEY`.",
    )
    port: int = Field(8080, ge=0, le=65_535, description="The TCP port to listen on; 0 takes any free one.")
    data_dir: Path = Field(Path("./data"), description="The folder of the embedded host's metadata and content.")

    token_secret: TokenSecret = Field(
        None,
        description="Signs access tokens, at least 32 characters; unset means a random one that is kept in the data"
        " folder.",
    )
    token_secret_previous: TokenSecret = Field(
        None,
        description="The secret before the last change of `LECTERN_TOKEN_SECRET`: tokens signed with it stay valid"
        " until they expire.",
    )
    api_key: ApiKey = Field(
        None,
        description="The operator's key to the host's own API, at least 16 visible ASCII characters; unset means a"
        " random one that is kept in the data folder.",
    )
    token_lifetime: Duration = Field(timedelta(hours=10), description="How long an access token is valid.")
    max_file_size: ByteSize = Field(ByteSize(2 * 1024**3), ge=1, description="The largest file that is accepted.")

    discovery_url: DiscoveryUrls | None = Field(
        None,
        description="The discovery document of the WOPI client: one URL, or `dialect=URL` items separated by commas"
        " with a dialect of `office`, `collabora`, `onlyoffice`.",
    )
    discovery_zone: HeaderValue | None = Field(
        None,
        description="The zone of the discovery document whose addresses are used, such as `external-https`; unset means"
        " the first of `external-https`, `external-http`, `internal-https`, `internal-http` that has any.",
    )
    proof: ProofMode | None = Field(
        None,
        description="Whether WOPI requests must carry a valid proof; unset means `required` with a"
        " `LECTERN_DISCOVERY_URL` and `off` without.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks, separated by commas, of proxies whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are"
        " believed: a proof may then also be for the address that they name.",
    )

    new_user_role: RoleName = Field(
        "editor",
        description="The role on the root container that a user gets whom the operator names for the first time.",
    )
    oidc_issuer: IssuerUrl | None = Field(
        None,
        description="The OpenID Connect issuer whose users may sign in, spelled exactly as in its tokens.",
    )
    oidc_audience: str | None = Field(
        None,
        min_length=1,
        description="The audience that the issuer's tokens must be meant for; unset means any: the tokens that users have"
        " for other applications of the issuer then sign them in here, too.",
    )
    oidc_new_user_role: RoleName = Field(
        "none",
        description="The role on the root container that a user gets who signs in through the issuer for the first"
        " time.",
    )
    oidc_provider_id: HeaderValue | None = Field(
        None, description="The identity provider's id that the bootstrapper tells Office clients."
    )

    versions_kept: int = Field(100, ge=0, description="How many former versions of a file are kept.")
    versions_max_age: Duration = Field(timedelta(days=365), description="How long a former version of a file is kept.")
    drafts_max_age: Duration = Field(timedelta(days=30), description="How long the draft of a refused save is kept.")
    events_max_age: Duration = Field(timedelta(days=30), description="How long an event can be read again.")
    webhook_networks: Networks = Field(
        (),
        description="Networks, separated by commas, that webhooks may lead to though they aren't public, such as"
        " `127.0.0.0/8`.",
    )
    webhook_patience: Duration = Field(
        timedelta(days=1),
        description="How long an event is tried at a webhook that takes none, before it's kept as a dead letter.",
    )
    sweep_interval: Duration = Field(
        timedelta(seconds=60), description="The pause between two rounds of cleaning up what is expired or left over."
    )
    orphan_grace: Duration = Field(
        timedelta(hours=1), description="How old content that nothing refers to must be before it's removed."
    )

    command_timeout: Duration = Field(
        timedelta(seconds=10), description="How long a request waits for the service that answers it."
    )
    upload_timeout: Duration = Field(
        timedelta(seconds=60), description="How long an upload may go without a byte arriving before it's given up."
    )

    kafka_bootstrap: Brokers | None = Field(
        None, description="Distributed: Kafka brokers to begin with, as `host:port` items separated by commas."
    )
    kafka_prefix: TopicPrefix = Field(
        "wopi", description="Distributed: what the names of the topics and consumer groups begin with."
    )
    mongo_url: MongoUrl = Field(
        None, description="Distributed: the MongoDB server and database; without a database in it, `lectern`."
    )
    mongo_driver: Literal["motor", "pymongo"] = Field(
        "motor", description="Distributed: the driver that talks to MongoDB; both do the same."
    )
    s3_endpoint: BaseUrl | None = Field(None, description="Distributed: the server that speaks S3.")
    s3_access_key: SecretStr | None = Field(None, description="Distributed: the access key for S3.")
    s3_secret_key: SecretStr | None = Field(None, description="Distributed: the secret key for S3.")
    s3_bucket: str = Field(
        "lectern", min_length=3, description="Distributed: the bucket of the contents; made if it isn't there."
    )
    s3_region: str = Field("us-east-1", min_length=1, description="Distributed: the region that the bucket is in.")

    log_level: LogLevel = Field("info", description="The least important log lines that are written.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="The form of log lines; `auto` is `console` on a terminal and `json` elsewhere."
    )
    machine_name: HeaderValue = Field(
        default_factory=socket.gethostname,
        description="The name of this machine in `X-WOPI-MachineName` and in logs.",
    )

    @property
    def discovery_urls(self) -> Mapping[str, str]:
        """The discovery document of each dialect; under "" the one for all of them."""
        return MappingProxyType(_discovery(self.discovery_url) if self.discovery_url else {})

    @property
    def proof_mode(self) -> ProofMode:
        """How proof keys are checked, decided also when `proof` isn't set."""
        if self.proof is not None:
            return self.proof
        return "required" if self.discovery_url else "off"

    @property
    def is_reachable_by_others(self) -> bool:
        """Whether people on other machines get here, be it through a proxy on this one: no development sign-in then."""
        public_host = urlsplit(self.public_url).hostname if self.public_url else None
        return is_public_address(self.host) or (public_host is not None and is_public_address(public_host))

    @field_validator("data_dir")
    @classmethod
    def _home_expanded(cls, folder: Path) -> Path:
        try:
            return folder.expanduser()
        except RuntimeError:
            raise ValueError("starts with ~, but there is no such home folder") from None

    @field_validator("token_secret_previous")
    @classmethod
    def _previous_needs_current(cls, previous: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # A setting that is itself wrong isn't in `info.data`, and is reported on its own.
        if previous is not None and info.data.get("token_secret", previous) is None:
            raise ValueError("needs LECTERN_TOKEN_SECRET, the secret that new tokens are signed with")
        return previous

    @field_validator("proof")
    @classmethod
    def _proof_needs_keys(cls, proof: ProofMode | None, info: ValidationInfo) -> ProofMode | None:
        if proof in {"required", "if-sent"} and info.data.get("discovery_url", "wrong") is None:
            raise ValueError("needs LECTERN_DISCOVERY_URL, where the keys that proofs are checked with come from")
        return proof


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. `overrides` go by field name and win; an override of None counts as not given.

    Raises SettingsInvalid, with all mistakes at once.
    """
    if strangers := overrides.keys() - Settings.model_fields.keys():
        raise TypeError(f"there are no such settings: {', '.join(sorted(strangers))}")
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SettingsInvalid(tuple(_mistake(detail) for detail in details)) from None
    except (OSError, UnicodeDecodeError):
        # The error of a decoder carries the file's text, secrets included: it isn't shown.
        raise SettingsInvalid((f"the file {ENV_FILE} can't be read: it should be readable text in UTF-8",)) from None


def unknown_settings() -> list[str]:
    """A sentence for each LECTERN_ variable, of the environment or `.env`, that nothing reads: slips of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NAMES_OF_THE_COMMAND_LINE
    given = {name.upper() for name in (*os.environ, *DotEnvSettingsSource(Settings).env_vars)}
    unknown = sorted(name for name in given - known if name.startswith(PREFIX))
    return [f"{name} is not a setting{_suggestion(name, known)}" for name in unknown]


def is_public_address(host: str) -> bool:
    """Whether a server that listens on `host` can be reached from other machines.

    Names are not looked up: any but localhost count as public.
    """
    if host.lower().rstrip(".") == "localhost":
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_loopback


_OF_THE_SERVERS: Final = ("kafka_bootstrap", "mongo_url", "s3_endpoint", "s3_access_key", "s3_secret_key")


def require_servers(settings: Settings) -> None:
    """Raises SettingsInvalid unless the servers of a distributed host are all set."""
    if missing := [name for name in _OF_THE_SERVERS if getattr(settings, name) is None]:
        raise SettingsInvalid(
            tuple(f"{PREFIX}{name.upper()} must be set: this is a part of a distributed host" for name in missing)
        )


def refuse_unsafe(settings: Settings) -> None:
    """Raises SettingsInvalid if other machines could reach a host whose secrets nobody has set."""
    if not is_public_address(settings.host):
        return
    needed = {
        f"LECTERN_TOKEN_SECRET (at least {TOKEN_SECRET_MIN_LENGTH} characters)": settings.token_secret,
        f"LECTERN_API_KEY (at least {API_KEY_MIN_LENGTH} characters)": settings.api_key,
    }
    if missing := [name for name, secret in needed.items() if secret is None]:
        raise SettingsInvalid((f"LECTERN_HOST is an address that other machines reach: set {' and '.join(missing)}",))


def _mistake(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        reason = str(detail["ctx"]["error"])
    else:
        reason = _PLAINER_REASONS.get(detail["type"], detail["msg"].removeprefix("Input "))
    return f"{PREFIX}{str(detail['loc'][0]).upper()} {reason}"


def _suggestion(name: str, known: set[str]) -> str:
    similar = get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return f"; did you mean {similar[0]}?" if similar else ""
