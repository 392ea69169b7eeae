// Durations and points in time, between protobuf's types and ours.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_PROTO_TIME_H_
#define HOLDFAST_SERVICES_LOCK_RPC_PROTO_TIME_H_

#include <optional>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/common/clock.h"

namespace holdfast {

// Nothing if `proto` breaks the rules of its type: nanos out of range, or of
// another sign than seconds, or more seconds than 10,000 years have. What is
// longer than our Duration can say (292 years) becomes the longest one.
std::optional<Duration> FromDurationProto(const google::protobuf::Duration& proto);

google::protobuf::Duration ToDurationProto(Duration duration);

google::protobuf::Timestamp ToTimestampProto(WallTime time);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_PROTO_TIME_H_
