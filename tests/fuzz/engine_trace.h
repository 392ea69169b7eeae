// Tells what an input means, to whoever looks into one that has broken something:
//
//   HOLDFAST_FUZZ_TRACE=1 engine_fuzz crash-0123
//
// prints a line for each command and each outcome. Without the variable, nothing.

#ifndef HOLDFAST_TESTS_FUZZ_ENGINE_TRACE_H_
#define HOLDFAST_TESTS_FUZZ_ENGINE_TRACE_H_

#include <string_view>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"

namespace holdfast::fuzz {

void TraceEvent(std::string_view what, Instant now);
void TraceTurn(const std::vector<Command>& commands, Instant now);
void TraceDeliveries(const std::vector<Delivery>& deliveries);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_ENGINE_TRACE_H_
