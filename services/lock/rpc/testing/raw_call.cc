#include "services/lock/rpc/testing/raw_call.h"

#include <chrono>

#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

namespace holdfast {
namespace {

// Waits for the one operation that is under way; returns whether it went well.
bool Next(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.Next(&tag, &ok) && ok;
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(slice.begin(), slice.end());
}

}  // namespace

RawResult RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::optional<std::string>& request, std::size_t most_messages) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  Next(queue);
  if (request.has_value()) {
    const grpc::Slice slice(*request);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    Next(queue);
  }
  call->WritesDone(nullptr);
  Next(queue);

  RawResult result;
  grpc::ByteBuffer buffer;
  while (true) {
    call->Read(&buffer, nullptr);
    if (!Next(queue)) break;
    result.messages.push_back(ToString(buffer));
    if (result.messages.size() == most_messages) context.TryCancel();
  }
  call->Finish(&result.status, nullptr);
  Next(queue);
  queue.Shutdown();
  return result;
}

}  // namespace holdfast
