"""What the refusals of a provider say of its pace: when to slow down, and when that is no help.

A refused request halves the pace, which grows back by the same step each second until the next is
refused. The requests after a cut are its trial. Under a real quota they pass: there it ends. While
most are refused it is cut again. If a few are, the pace is held, and cut once more to compare: if
no larger share passes at half of the pace, the provider refuses whatever the pace is. Then the pace
from before is taken up again, and cut only when clearly more are refused than that share. Each such
cut puts the share in doubt anew, and five minutes without a refusal make it forgotten.

After a time in which all were refused, each reply doubles the pace until a request is refused.
"""

import math
from dataclasses import dataclass, field

_MINUTE = 60.0
_WINDOW, _SLOT = 5.0, 0.25  # seconds over which the rate in use is measured, and how finely
_RECOVERY = 10.0  # seconds from half of a rate back to the whole, or, where that takes longer,
_USED_MEANWHILE = {"requests": 20.0, "tokens": 200_000.0}  # until so much could have been used
_FORGET = 300.0  # seconds without a refusal
_LEAST = {"requests": 1 / _MINUTE, "tokens": 1000 / _MINUTE}  # per second; slower is not learnt
UNIT = {"requests": 1.0, "tokens": 1000.0}  # what may always go at once

_LAST = 20.0  # requests over which the share that is refused is measured
_TRIAL_SECONDS = 2.0  # at least; a refusal takes some time to come back
_TRIAL = {0: 10, 1: 20}  # requests by how many of them were refused: a lone refusal may be chance
_SHORT_TRIAL = 8  # with more of them
_MOST = 2  # so many refused at once, and of all the larger part, cut a pace that is on trial
_FAR, _FAR_ON_TRIAL = 3.0, 1.5  # standard deviations above the share that is refused anyway
_FADE = 0.7  # of that share is left when it did not explain what was refused
_PERHAPS, _NONE = 0.05, 0.02  # the share that is supposed where little is known; none below this


@dataclass
class Pace:
    """How fast one kind of thing may be used; times are seconds of one clock that all read."""

    rate: float = 0.0  # per second, learnt at `since`; 0: nothing learnt
    peak: float = 0.0  # the rate that was refused then
    since: float = 0.0
    seen: list[list[float]] = field(default_factory=list)  # [start of a slot, taken in it]
    last: float = 0.0  # when a request was refused
    sent: float = 0.0  # requests since the cut while it is on trial, else of the last ones
    refused: float = 0.0  # of these
    anyway: float = 0.0  # the share that is refused whatever the pace; 0: not that we know
    trial: bool = False
    home: float = 0.0  # the pace to go back to when cuts turn out to be no help
    top: float = 0.0  # the pace before the first of the cuts; 0: it is not where to rise to
    passed: float = -1.0  # the share that passed at the pace before, on trial too; -1: none was
    barren: bool = False  # nothing at all passed at the pace before
    rising: bool = False  # doubled since the cut
    doubted: bool = False  # the cuts began although a share was known

    def learnt(self, kind: str, now: float) -> float:
        """Return the learnt rate as it has recovered by now; 0 where none is known."""
        if not self.rate:
            return 0.0
        recovery = max(_RECOVERY, _USED_MEANWHILE[kind] / self.peak)
        if now - max(self.since, self.last) > max(_FORGET, 2 * recovery):
            return 0.0
        if self.held:
            return self.rate
        return self.rate + self.peak / 2 / recovery * (now - self.since)

    @property
    def held(self) -> bool:
        """Whether the pace does not grow, so that what it leads to can be compared."""
        return self.trial and self.refused > 0

    def send(self, kind: str, now: float) -> None:
        """Count a request; end the trial of a cut when it has had enough of them."""
        enough = self.sent >= _TRIAL.get(round(self.refused), _SHORT_TRIAL)
        if self.trial and enough and now - self.since >= _TRIAL_SECONDS:
            self._judge(kind, now)
        if now - self.last > _FORGET:
            self.anyway = 0.0
        fade = 1.0 if self.trial else 1 - 1 / _LAST
        self.sent, self.refused = self.sent * fade + 1, self.refused * fade

    def refuse(self, kind: str, sent: float, now: float) -> None:
        """Learn from a refused request that was sent then.

        Requests that were under way together and are refused together are one refusal.
        """
        self.last = now
        if sent < self.since:
            return
        self.refused += 1
        if not self.trial:
            if self.refused > self._expected():
                self.doubted, self.barren, self.passed = self.anyway > 0, False, -1.0
                self.anyway *= _FADE
                self.cut(kind, now)
                self.home = self.top = self.peak
        elif self.rising:
            self.top = 0.0
            self.cut(kind, now)
        elif self._most_are_refused():
            self.barren, self.passed = self.refused >= self.sent, -1.0
            self.home = self.peak
            self.cut(kind, now)

    def answered(self, sent: float) -> None:
        """Learn from a reply to a request that was sent then."""
        far = self.trial and self.passed < 0 and 4 * self.peak <= self.top
        if far and not self.refused and sent >= self.since:
            self.rate, self.peak, self.rising = 2 * self.rate, 2 * self.peak, True

    def cut(self, kind: str, now: float) -> None:
        """Halve the rate in use, because it was refused, and put the half on trial."""
        used, learnt = self.in_use(now), self.learnt(kind, now)
        if self.passed >= 0:  # to be compared with what was really asked meanwhile
            used = min(used, self._tried(now))
        # A lone request that is refused says little of the rate: some 2 s until the next one.
        used = max(used, UNIT[kind])
        self.peak = max(min(used, learnt) if learnt else used, 2 * _LEAST[kind])
        self.rate, self.since = self.peak / 2, now
        self.trial, self.rising, self.sent, self.refused = True, False, 0.0, 0.0

    def in_use(self, now: float) -> float:
        """Return the rate in use: that of the last second or of the last seconds, if it is more.

        Rather too much than too little: what is too fast is cut again, too slow costs a minute.
        """
        spans = ((now - _SLOT - 1, 1.0), (now - _WINDOW, _WINDOW))
        return max(sum(n for at, n in self.seen if at > begun) / long for begun, long in spans)

    def _tried(self, now: float) -> float:
        """Return the rate in use since the cut; callers who were refused ask less for a while."""
        taken = sum(n for at, n in self.seen if at >= self.since)
        return taken / min(max(now - self.since, 1.0), _WINDOW)

    def note(self, amount: float, now: float) -> None:
        """Remember for the rate in use what was taken."""
        slot = math.floor(now / _SLOT) * _SLOT
        self.seen = [entry for entry in self.seen if entry[0] > now - _WINDOW]
        if self.seen and self.seen[-1][0] == slot:
            self.seen[-1][1] += amount
        else:
            self.seen.append([slot, amount])

    def _expected(self) -> float:
        """Return how many may be refused before it is more than are refused anyway."""
        share = self.anyway
        count = self.sent if self.trial else max(self.sent, _LAST / 2)
        far = _FAR_ON_TRIAL if self.trial else _FAR
        return share * count + far * math.sqrt(share * (1 - share) * count)

    def _most_are_refused(self) -> bool:
        """Return whether a pace on trial is so much too fast that it need not be tried longer."""
        enough = self.refused >= _MOST or self.barren
        return enough and self.refused > max(self.sent / 2, self._expected())

    def _judge(self, kind: str, now: float) -> None:
        """Say whether the cut on trial was a help; cut again to find out, or go back."""
        passed = 1 - self.refused / self.sent
        if self.refused <= max(1.0, self._expected()):
            share = 1 - passed
            if self.anyway:
                share = min(self.anyway, self.anyway + (share - self.anyway) / 3)
            if self.passed >= 0:  # a few were refused at twice the pace
                share = 0.0 if self.doubted else max(share, _PERHAPS)
            self._settle(share, now)
        elif self.passed >= 0 and passed <= (self.passed + min(1.0, 2 * self.passed)) / 2:
            # Nearer to the share of before than to what a quota would let pass of half as much.
            self.rate, self.peak = max(self.home, self.peak), max(self.top, self.peak)
            self._settle(1 - (passed + self.passed) / 2, now)
        else:
            self.home = self.peak if self.passed >= 0 else self.home
            self.passed = passed
            self.cut(kind, now)

    def _settle(self, share: float, now: float) -> None:
        """End the trial: the pace grows from here, and this share is refused anyway."""
        if self.held:
            self.since = now
        self.trial, self.passed = False, -1.0
        self.anyway = share if share >= _NONE else 0.0
        self.sent, self.refused = _LAST, _LAST * self.anyway
