// The part of the lock table that knows sessions.

#include "services/lock/engine/lock_table.h"

namespace holdfast {

void LockTable::Apply(CallId call, const AttachCommand& /*command*/, const Now& /*now*/,
                      Effects& effects) {
  effects.deliveries.push_back({.call = call, .outcome = Attached{}, .stream = call});
}
void LockTable::Apply(CallId /*call*/, const AttachPageCommand& /*command*/, const Now& /*now*/,
                      Effects& /*effects*/) {}
void LockTable::Apply(CallId call, const RenewAllCommand& /*command*/, const Now& /*now*/,
                      Effects& effects) {
  effects.Tell(call, RenewedAll{});
}
void LockTable::Apply(CallId call, const DetachCommand& /*command*/, const Now& /*now*/,
                      Effects& effects) {
  effects.Tell(call, Detached{});
}
void LockTable::Apply(CallId /*call*/, const AcknowledgeCommand& /*command*/, const Now& /*now*/,
                      Effects& /*effects*/) {}
void LockTable::Apply(CallId /*call*/, const EndStreamCommand& command, const Now& /*now*/,
                      Effects& effects) {
  effects.deliveries.push_back({.call = command.stream,
                                .outcome = Refused{.reason = Refusal::kCancelled},
                                .stream = command.stream});
}

}  // namespace holdfast
