// The time that gRPC goes by, which a test moves on: what takes a connection seconds then takes
// next to none.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_GRPC_TIME_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_GRPC_TIME_H_

#include <chrono>

namespace holdfast::core {

// From now on gRPC's clocks are `span` later than they would be, in the whole process and for
// good. Thread-safe.
void AdvanceGrpcTime(std::chrono::nanoseconds span);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_GRPC_TIME_H_
