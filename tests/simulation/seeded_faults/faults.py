"""The faults that the simulation has to find.

Each is a mistake that somebody could make, in the code of the engine, of the C++
client, or of what stands for the disk and the server around them. An edit names a piece
of code, as it is written there, and what the fault does in its place: another value
(_value), other statements (_instead), nothing (_skip), or code that asks by itself
whether the fault is ON (_raw).
"""

import dataclasses

_ENGINE = "services/lock/engine/"
_CLIENT = "clients/cpp/core/"
_SIMULATION = "tests/simulation/"


@dataclasses.dataclass
class Edit:
    path: str
    code: str
    replacement: str  # ON stands for whether the fault is on.


@dataclasses.dataclass
class Fault:
    name: str
    edits: list


def _raw(name, path, code, replacement):
    return Fault(name, [Edit(path, code, replacement)])


def _value(name, path, code, fault):
    return _raw(name, path, code, f"(ON ? ({fault}) : ({code}))")


def _instead(name, path, code, fault):
    return _raw(name, path, code, f"if (ON) {{ {fault} }} else {{ {code} }}")


def _skip(name, path, code):
    return _instead(name, path, code, "")


FAULTS = [
    # --- Tokens ---
    _value(
        "reuse a token",
        _ENGINE + "token_source.h",
        "++last_",
        "last_ % 3 == 2 ? last_ : ++last_",
    ),
    _instead(
        "reuse the tokens of a block after a restart",
        _ENGINE + "token_source.h",
        "last_ = reserved_through_ = through;",
        "reserved_through_ = through; last_ = through - kBlock;",
    ),
    _skip(
        "forget to store the token reservation",
        _ENGINE + "token_source.h",
        "changes.push_back(ReserveTokens{.through = reserved_through_});",
    ),
    _skip(
        "forget to load the token reservation",
        _ENGINE + "turn.cc",
        "table_.RestoreTokens(through);",
    ),
    _raw(
        "grant a lease anew when its request is sent again",
        _ENGINE + "lock_table.cc",
        "TellGrant(caller, lease, command.received, now, effects);\n}\n\nvoid",
        "if (ON) lease.record.fencing_token = tokens_.Next(effects.changes);"
        " TellGrant(caller, lease, command.received, now, effects);\n}\n\nvoid",
    ),
    # --- Exclusion ---
    _value(
        "grant a lock that is held",
        _ENGINE + "lock_table.cc",
        "lock == nullptr || lock->is_free()",
        "lock == nullptr || lock->queue.empty()",
    ),
    _raw(
        "release the lock whoever holds it",
        _ENGINE + "lock_table.cc",
        "const KnownId id = Use(caller, command.lease_id);\n  if (id.ended.has_value()) {\n    Refused",
        "const auto any = locks_.find(command.key);"
        " const KnownId id = ON && any != locks_.end() && !any->second->is_free()"
        " ? KnownId{.lease = any->second->holders.front()} : Use(caller, command.lease_id);"
        " if (id.ended.has_value()) { Refused",
    ),
    # --- Expiry ---
    _value(
        "let leases lapse a tenth early",
        _ENGINE + "lock_state.cc",
        "Began() + *spec.expire",
        "Began() + *spec.expire - *spec.expire / 10",
    ),
    _raw(
        "forget to extend the lease when it is renewed",
        _ENGINE + "lock_table.cc",
        "effects.changes.push_back(PutLease{lease.record});\n  }\n  StartLease(lease",
        "effects.changes.push_back(PutLease{lease.record});\n  }\n  if (!ON) StartLease(lease",
    ),
    _value(
        "let a renewal shorten the lease",
        _ENGINE + "lock_table.cc",
        "now.monotonic + expire < lease.Began() + *present",
        "false",
    ),
    _raw(
        "store a shorter expire while a longer promise runs",
        _ENGINE + "lock_table.cc",
        "const Duration expire = asked.value_or(*present);",
        "const Duration expire = asked.value_or(*present);"
        " if (ON && now.monotonic + expire < lease.Began() + *present) {"
        " LeaseRecord stored = lease.record; stored.ChangeExpire(expire);"
        " effects.changes.push_back(PutLease{std::move(stored)}); }",
    ),
    _raw(
        "forget max_hold when renewed",
        _ENGINE + "lock_state.cc",
        "if (spec.max_hold.has_value()) {",
        "if (spec.max_hold.has_value() && !(ON && Began() > granted)) {",
    ),
    _raw(
        "let leases lapse three seconds late",
        _ENGINE + "lock_table.cc",
        "lease.lapse = silence_timers_.Set(",
        "lease.lapse = silence_timers_.Set(Duration(ON ? 3'000'000'000 : 0) + ",
    ),
    _raw(
        "forget to store an expire that a renewal has changed",
        _ENGINE + "lock_table.cc",
        "lease.record.ChangeExpire(expire);\n    effects",
        "lease.record.ChangeExpire(expire);\n    if (!ON) effects",
    ),
    _instead(
        "give leases only half of their expire after a restart",
        _ENGINE + "lock_table_restore.cc",
        "StartLease(lease, now.monotonic);",
        "StartLease(lease, lease.record.spec.expire.has_value()"
        " ? now.monotonic - *lease.record.spec.expire / 2 : now.monotonic);",
    ),
    _skip(
        "let no lease lapse after a restart",
        _ENGINE + "lock_table_restore.cc",
        "StartLease(lease, now.monotonic);",
    ),
    _raw(
        "forget ids that have expired",
        _ENGINE + "lock_table_timers.cc",
        "EndLease(lease, EndCause::kExpired, News::kForSession, now, effects);",
        "const EndedRef ended = EndLease(lease, EndCause::kExpired, News::kForSession, now, effects);"
        " if (ON && ended->kept == EndedId::Kept::kInFull) {"
        " ids_.AwaitAcknowledgement(ended); ids_.Acknowledged(ended, now.monotonic); }",
    ),
    # --- The queue ---
    _value(
        "grant to waiters who have gone",
        _ENGINE + "wait_queue.cc",
        "rows_->ready.empty() ? nullptr : rows_->ready.begin()->second",
        "rows_->places.empty() ? nullptr : rows_->places.begin()->second",
    ),
    _value(
        "wake waiters in LIFO order",
        _ENGINE + "wait_queue.cc",
        "rows_->ready.begin()->second",
        "std::prev(rows_->ready.end())->second",
    ),
    _skip(
        "wake nobody when a lease ends",
        _ENGINE + "lock_table.cc",
        "GrantNext(lock, now, effects);\n  EraseIfUnused(lock);",
    ),
    _skip(
        "keep the place of whoever has gone for ever",
        _ENGINE + "lock_table_waiting.cc",
        "waiter.park_end = silence_timers_.Set(now.monotonic + limits_.reattach_window,"
        " ParkEnd{&waiter});",
    ),
    _raw(
        "answer the release of a waiter and leave it in the queue",
        _ENGINE + "lock_table.cc",
        "} else if (id.key() != command.key) {\n    effects.Tell(caller, Mismatch(\"key\"));\n"
        "  } else {\n    EndedRef ended;",
        "} else if (id.key() != command.key) {\n    effects.Tell(caller, Mismatch(\"key\"));\n"
        "  } else if (ON && id.waiter != nullptr) {\n    effects.Tell(caller, Released{});\n"
        "  } else {\n    EndedRef ended;",
    ),
    _raw(
        "never tell a waiter that its timeout is over",
        _ENGINE + "lock_table_waiting.cc",
        "if (const auto deadline = DeadlineAfter(now.monotonic, command.timeout)) {",
        "if (const auto deadline = DeadlineAfter(now.monotonic,"
        " ON ? kNoTimeout : command.timeout)) {",
    ),
    _raw(
        "queue a waiter at the end when it comes back",
        _ENGINE + "lock_table.cc",
        "} else {\n    AttachCall(waiter, caller, command, now);\n    if (command.report_queue) {\n"
        "      reporter_.TellNow(waiter, caller.call, lock.queue.PositionOf(waiter), now,",
        "} else {\n if (ON) { lock.queue.Remove(waiter); waiter.sequence = ++last_sequence_;"
        " lock.queue.Add(waiter); }\n    AttachCall(waiter, caller, command, now);\n"
        "    if (command.report_queue) {\n"
        "      reporter_.TellNow(waiter, caller.call, lock.queue.PositionOf(waiter), now,",
    ),
    _instead(
        "let a timeout end one call and leave the id's others in the queue",
        _ENGINE + "lock_table_timers.cc",
        "EndWaiter(*waiting_calls_.at(call), EndCause::kTimedOut, now, effects);",
        "Waiter& waiter = *waiting_calls_.at(call);"
        " if (waiter.calls.size() > 1) {"
        " const auto timed_out = std::find_if(waiter.calls.begin(), waiter.calls.end(),"
        " [&](const WaitingCall& one) { return one.caller.call == call; });"
        " effects.Tell(timed_out->caller, Blocked(Refusal::kWaitTimeout, *waiter.lock, now));"
        " DetachCall(waiter, call, now);"
        " } else { EndWaiter(waiter, EndCause::kTimedOut, now, effects); }",
    ),
    # --- Grants that do not arrive ---
    _raw(
        "keep a grant that did not arrive",
        _ENGINE + "lock_table.cc",
        "if (lease.delivered || --lease.deliveries > 0) return;",
        "if (ON || lease.delivered || --lease.deliveries > 0) return;",
    ),
    Fault(
        "take back a grant although its caller has come for it",
        [
            Edit(
                _ENGINE + "lock_table.cc",
                "if this answer arrives.\n  silence_timers_.Cancel(lease.undelivered);",
                "if this answer arrives.\n  if (!ON) silence_timers_.Cancel(lease.undelivered);",
            ),
            # So that the fault is just that, and no timer is left without its lease.
            Edit(
                _ENGINE + "lock_table.cc",
                "lease.undelivered =\n      silence_timers_.Set(",
                "silence_timers_.Cancel(lease.undelivered);\n  lease.undelivered =\n"
                "      silence_timers_.Set(",
            ),
        ],
    ),
    _value(
        "take back a grant that was sent",
        _ENGINE + "lock_table_sessions.cc",
        "told.number > sent_through",
        "true",
    ),
    _raw(
        "keep a grant that was not sent",
        _ENGINE + "lock_table_sessions.cc",
        "NotDelivered(**lease, now);",
        "if (!ON) NotDelivered(**lease, now);",
    ),
    # --- Ids that have ended ---
    _raw(
        "grant an id that has ended",
        _ENGINE + "lock_table.cc",
        "} else if (id.ended.has_value()) {\n"
        "    effects.Tell(caller, Refused{.reason = Refusal::kLeaseEnded",
        # All that are not waiting to be acknowledged are forgotten.
        "} else if (id.ended.has_value() && ![&] {"
        " for (std::size_t left = SIZE_MAX; ON && ids_.ended() < left;) {"
        " left = ids_.ended(); ids_.Prune(Instant::max(), effects.changes); }"
        " return ON && ids_.Find(command.spec.lease_id).unknown(); }()) {\n"
        "    effects.Tell(caller, Refused{.reason = Refusal::kLeaseEnded",
    ),
    _skip(
        "forget the release that overtook its acquire",
        _ENGINE + "lock_table.cc",
        "ids_.End(command.lease_id, EndCause::kReleased, now.monotonic, effects.changes);",
    ),
    _value(
        "forget ended ids after a second",
        _ENGINE + "lease_ids.cc",
        "now - retained_.front().since < kRetention",
        "now - retained_.front().since < std::chrono::seconds(1)",
    ),
    _skip(
        "forget to store that an id has ended",
        _ENGINE + "lease_ids.cc",
        "changes.push_back(PutEnded{.lease_id = std::string(lease_id), .cause = cause});",
    ),
    _raw(
        "forget to load which ids have ended",
        _ENGINE + "turn.cc",
        "status_.Update(table_.RestoreEnded(lease_id, cause, now_));",
        "if (!ON) status_.Update(table_.RestoreEnded(lease_id, cause, now_));",
    ),
    # --- Who asked ---
    _raw(
        "grant a waiter's lease to nobody who is known",
        _ENGINE + "lock_table_waiting.cc",
        "Hold(lock, waiter->spec, waiter->principal, now, effects);",
        "Hold(lock, waiter->spec, ON ? Principal() : waiter->principal, now, effects);",
    ),
    _raw(
        "forget to load who asked for a lease",
        _ENGINE + "lock_table_restore.cc",
        "owned->record = std::move(record);\n",
        "owned->record = std::move(record);\n  if (ON) owned->record.principal = Principal();\n",
    ),
    # --- Sessions ---
    _value(
        "let a stream that comes late take the session over",
        _ENGINE + "lock_table_sessions.cc",
        "command.stream_number <= session->stream_number",
        "false",
    ),
    _value(
        "keep what a new stream does not list",
        _ENGINE + "lock_table_sessions.cc",
        "!session.unlisted.empty()",
        "false",
    ),
    _raw(
        "end what may be on a page to come",
        _ENGINE + "lock_table_sessions.cc",
        "if (more) return;",
        "if (ON && !session.unlisted.empty()) {"
        " session.listing = false; unlisted_.push_back(session.ordinal); }"
        " if (more) return;",
    ),
    _value(
        "let leases lapse although the session was renewed",
        _ENGINE + "lock_table_timers.cc",
        "lapses > now.monotonic",
        "false",
    ),
    _skip(
        "forget the renewal of a session when a lease leaves it",
        _ENGINE + "lock_table_sessions.cc",
        "lease.began = lease.Began();",
    ),
    _value(
        "forget an acknowledged id although it was used elsewhere",
        _ENGINE + "lock_table_sessions.cc",
        "(*ended)->session == session.ordinal",
        "true",
    ),
    _raw(
        "forget an id before its end is acknowledged",
        _ENGINE + "lock_table_sessions.cc",
        "session.told.push_back({.number = session.outcomes + 1, .what = ended});",
        "if (ON) { ids_.Acknowledged(ended, Instant()); return; }"
        " session.told.push_back({.number = session.outcomes + 1, .what = ended});",
    ),
    # --- Bound leases ---
    _value(
        "end bound leases when the server has cut the stream",
        _ENGINE + "lock_table_sessions.cc",
        "command.by_client",
        "true",
    ),
    _raw(
        "end bound leases when a remote stream breaks",
        _ENGINE + "lock_table_sessions.cc",
        "&& session->local",
        "&& (ON || session->local)",
    ),
    _raw(
        "keep the bound leases of the dead",
        _ENGINE + "lock_table_sessions.cc",
        "&& session->HasBound()",
        "&& !ON && session->HasBound()",
    ),
    _raw(
        "end bound leases when a newer stream takes over",
        _ENGINE + "lock_table_sessions.cc",
        "silence_timers_.Cancel(session->bound_end);\n  session->stream_number",
        "if (ON && resumed && session->HasBound()) session->bound_end ="
        " silence_timers_.Set(now.monotonic, BoundEnd{session});\n  session->stream_number",
    ),
    # --- Durability ---
    _raw(
        "forget to store a grant",
        _ENGINE + "lock_table.cc",
        "effects.changes.emplace_back(PutLease{lease.record});\n  watches_.Publish(",
        "if (!ON) effects.changes.emplace_back(PutLease{lease.record});\n  watches_.Publish(",
    ),
    _value(
        "commit nothing",
        _ENGINE + "turn.cc",
        "!effects_.changes.empty()",
        "false",
    ),
    _raw(
        "go on after a commit that failed",
        _ENGINE + "turn.cc",
        "if (absl::Status status = store_.Commit(effects_.changes); !status.ok()) return status;",
        "if (absl::Status status = store_.Commit(effects_.changes); !status.ok() && !ON)"
        " return status;",
    ),
    _raw(
        "acknowledge before the commit",
        _SIMULATION + "server.cc",
        "const auto finish = [this, deliveries = std::move(deliveries)] {",
        "if (ON) { for (const Delivery& delivery : deliveries) Deliver(delivery);"
        " deliveries.clear(); }"
        " const auto finish = [this, deliveries = std::move(deliveries)] {",
    ),
    _raw(
        "skip the sync",
        _SIMULATION + "disk.cc",
        "void Disk::Sync() {\n",
        "void Disk::Sync() {\n  if (ON && unsynced_.size() < 20) return;\n",
    ),
    # --- The C++ client ---
    _raw(
        "compute the deadline from when the grant arrived",
        _CLIENT + "lease_table_asking.cc",
        "ComputeLeaseTimes(asking.sent, grant.elapsed, grant.remaining)",
        "ComputeLeaseTimes(ON ? turn.now : asking.sent, grant.elapsed, grant.remaining)",
    ),
    _value(
        "leave clocks no margin",
        _CLIENT + "lease_times.cc",
        "DriftOf(waited) + DriftOf(left) + kClockGranularity",
        "Duration::zero()",
    ),
    _value(
        "signal the loss when the deadline has passed",
        _CLIENT + "lease_times.cc",
        "deadline - LostLead(left)",
        "deadline + LostLead(left)",
    ),
    _raw(
        "leave an acquire that was given up to the server",
        _CLIENT + "lease_table_asking.cc",
        "if (failed.may_be_known) Abandon(failed.spec->key, failed.lease_id, turn);",
        "if (!ON && failed.may_be_known) Abandon(failed.spec->key, failed.lease_id, turn);",
    ),
    _raw(
        "compute a renewed deadline from when the answer arrived",
        _CLIENT + "lease_table.cc",
        "ComputeLeaseTimes(ended.sent, answer->elapsed, answer->remaining)",
        "ComputeLeaseTimes(ON ? turn.now : ended.sent, answer->elapsed, answer->remaining)",
    ),
]
