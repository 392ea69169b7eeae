// Messages from bytes and back.
//
// gRPC would do this by itself, but answers what it cannot parse with a bare
// UNIMPLEMENTED. The service takes the bytes as they are instead, so that such a
// request gets a clear error too.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WIRE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WIRE_H_

#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "grpcpp/support/status.h"

namespace holdfast {

// OK and fills `message`, or says what to answer: INVALID_FIELD names the string
// that is not UTF-8, and everything else is a MALFORMED_REQUEST.
grpc::Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message& message);

grpc::Slice SerializeToSlice(const google::protobuf::Message& message);
grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WIRE_H_
