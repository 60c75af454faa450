"""The whole examination; nothing in it sends an order or changes a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from aster_ray.clock import Clock
from aster_ray.doctor.account import Wanted, examine_account
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.finding import Finding, fail
from aster_ray.doctor.machine import examine_machine
from aster_ray.doctor.places import examine_places
from aster_ray.doctor.record import Subject, write_record
from aster_ray.doctor.venue import examine_rules, examine_venue
from aster_ray.errors import BadInputError
from aster_ray.model.instrument import Instrument
from aster_ray.store.config import Places
from aster_ray.venues.aster.inquiry import Inquiry, address_of_venue
from aster_ray.venues.aster.signer import Signer
from aster_ray.venues.config import ASTER, VenueConfig
from aster_ray.venues.credentials import Credentials

_NO_KEYS = "set ASTER_WALLET to the wallet's address and ASTER_AGENT_KEY to the agent's key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined.

    Attributes:
        venue: where trading goes.
        credentials: for whom; None if there are none.
        places: what is shared between machines.
        config: what is demanded.
        leverage: by symbol; the symbols are those that are to be traded.
        packaged: the rules orders are sized by.
        folder: where journals go.
        environ: of the process.
    """

    venue: VenueConfig
    credentials: Credentials | None
    places: Places
    config: DoctorConfig
    leverage: Mapping[str, float]
    packaged: Mapping[str, Instrument]
    folder: Path
    environ: Mapping[str, str]


def subject_of(
    venue: VenueConfig, signer: Signer, config: DoctorConfig, leverage: Mapping[str, float]
) -> Subject:
    """Return which account a record is about, and what was demanded of it."""
    return Subject(
        venue=venue.name,
        address=address_of_venue(venue),
        wallet=signer.wallet,
        signer=signer.address,
        leverage=dict(leverage),
        margin=config.margin,
        min_balance=config.min_balance,
    )


async def examine(patient: Patient, clock: Clock) -> tuple[list[Finding], Path | None]:
    """Return what was found, and where it was written down; nowhere without keys.

    Raises:
        BadInputError: only Aster can be examined so far.
    """
    if patient.venue.name != ASTER:
        raise BadInputError(f"venue {patient.venue.name!r}: aster doctor examines aster only")
    signer = None
    if patient.credentials is not None:
        keys = patient.credentials
        signer = Signer(keys.wallet, keys.key, patient.venue.chain, clock)
    async with aiohttp.ClientSession() as session:
        inquiry = Inquiry(patient.venue, signer, session)
        found = await _examine_far(patient, inquiry, signer, clock)
    found += examine_machine(patient.config, patient.folder, patient.environ)
    found += examine_places(patient.places)
    if signer is None or patient.credentials is None:
        return found, None
    subject = subject_of(patient.venue, signer, patient.config, patient.leverage)
    return found, write_record(subject, patient.credentials.key, found, clock.now_ms())


async def _examine_far(
    patient: Patient, inquiry: Inquiry, signer: Signer | None, clock: Clock
) -> list[Finding]:
    """Examine what is at the venue, as far as it can be reached."""
    found = await examine_venue(inquiry, patient.config, clock)
    keyless = fail("key", "no keys are set", _NO_KEYS)
    if len(found) == 1:  # it does not answer
        return found if signer is not None else [*found, keyless]
    found.append(await examine_rules(inquiry, patient.packaged, list(patient.leverage)))
    if signer is None:
        return [*found, keyless]
    wanted = Wanted(patient.config, patient.leverage, clock.now_ms())
    return [*found, *await examine_account(inquiry, signer, wanted)]


def symbols_of(configured: Sequence[str], packaged: Mapping[str, Instrument]) -> list[str]:
    """Return what is to be traded: what is configured, else all there are rules for."""
    return list(configured) or list(packaged)
