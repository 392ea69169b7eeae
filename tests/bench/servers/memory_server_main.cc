// The lock service over a store in memory: what is left of its cost when nothing is
// written. `memory_server ADDRESS` serves until it is killed.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "services/common/clock.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/grpc_server.h"
#include "services/lock/storage/testing/memory_store.h"
#include "services/net/listen_address.h"

namespace holdfast {
namespace {

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "memory_server: %s\n", status.ToString().c_str());
  std::_Exit(1);
}

void Serve(const char* address) {
  LockEngine engine(Limits(), SystemClock(), Fail);
  GrpcServer::Options options;
  const auto listen = ParseListenAddress(address);
  if (!listen.ok()) Fail(listen.status());
  options.listen.push_back(*listen);
  const auto server = GrpcServer::Start(engine, options);
  if (!server.ok()) Fail(server.status());
  auto store = std::make_unique<MemoryStore>(std::make_shared<MemoryDisk>());
  if (absl::Status status = engine.Start(std::move(store)); !status.ok()) Fail(status);
  while (true) pause();
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: memory_server ADDRESS\n", stderr);
    return 64;
  }
  holdfast::Serve(argv[1]);
}
