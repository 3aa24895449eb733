"""The use cases together, as the doors are handed them."""

from __future__ import annotations

import msgspec

from outrider.app.accept import Intake
from outrider.app.access import Access
from outrider.app.explain import Explain
from outrider.app.history import History
from outrider.app.keys import Keys
from outrider.app.objects import Objects
from outrider.app.pace import Pace
from outrider.app.recovery import Recovery
from outrider.app.secrets import Secrets
from outrider.app.settings import Settings
from outrider.app.subscriptions import Subscriptions
from outrider.app.system import System
from outrider.app.trials import Trials
from outrider.app.webhooks import Webhooks
from outrider.ports.work import Work


class Services(msgspec.Struct, frozen=True):
    access: Access
    pace: Pace
    intake: Intake
    settings: Settings
    webhooks: Webhooks
    subscriptions: Subscriptions
    trials: Trials
    secrets: Secrets
    keys: Keys
    history: History
    recovery: Recovery
    explain: Explain
    system: System
    objects: Objects
    work: Work
