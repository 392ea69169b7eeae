// A lock client in a process of its own, told what to do line by line on
// standard input. For tests that kill clients, or want two that share nothing.
//
//   lock_client ADDRESS
//
//   wait KEY LEASE_ID EXPIRE_MS    ->  queued POSITION (any number of times)
//                                      granted TOKEN
//   release KEY LEASE_ID           ->  released
//   renew KEY LEASE_ID             ->  renewed
//   bound KEY LEASE_ID EXPIRE_MS   ->  granted TOKEN
//   fork                           ->  forked PID
//
// `bound` acquires in a session, which lasts for as long as the process, and acknowledges.
// `fork` makes a child that has the sockets too and does nothing, until it is killed or a
// minute has passed.
//
// Anything that fails is answered with `failed CODE REASON`. An EXPIRE_MS of 0
// means no expiry. It ends when standard input does.

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

void Say(const std::string& line) { std::cout << line << std::endl; }

void SayFailed(const CallStatus& status) {
  Say("failed " + std::to_string(status.code) + " " + status.reason);
}

void Wait(StubClient& client, const AcquireArgs& args) {
  grpc::ClientContext context;
  Prepare(context);
  const auto stream = client.stub().Wait(&context, ToRequest(args));
  v1::WaitEvent event;
  while (stream->Read(&event)) {
    if (event.has_queued()) Say("queued " + std::to_string(event.queued().position()));
    if (event.has_granted()) {
      Say("granted " + std::to_string(event.granted().lease().fencing_token()));
    }
  }
  if (const CallStatus status = Decode(stream->Finish()); !status.ok()) SayFailed(status);
}

void AcquireBound(SessionStream& session, const AcquireArgs& args) {
  const v1::Event event = session.Await(session.Acquire(args));
  session.Acknowledge();
  if (event.has_granted()) {
    Say("granted " + std::to_string(event.granted().fencing_token()));
  } else {
    SayFailed(FailureOf(event));
  }
}

void Fork() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    while (true) pause();
  }
  Say("forked " + std::to_string(child));
}

void Obey(StubClient& client, std::unique_ptr<SessionStream>& session, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  AcquireArgs args{.owner = "lock_client"};
  words >> verb >> args.key >> args.lease_id;
  if (verb == "wait") {
    int expire_ms = 0;
    words >> expire_ms;
    if (expire_ms > 0) args.expire = std::chrono::milliseconds(expire_ms);
    Wait(client, args);
  } else if (verb == "bound") {
    int expire_ms = 0;
    words >> expire_ms;
    args.expire = std::chrono::milliseconds(expire_ms);
    args.bound = true;
    if (session == nullptr) {
      session = std::make_unique<SessionStream>(client.channel(), "session-of-" + args.lease_id);
      session->Attach();
    }
    AcquireBound(*session, args);
  } else if (verb == "fork") {
    Fork();
  } else if (verb == "release") {
    const CallStatus status = client.Release(args.key, args.lease_id);
    status.ok() ? Say("released") : SayFailed(status);
  } else if (verb == "renew") {
    const auto renewed = client.Renew(args.key, args.lease_id);
    renewed.ok() ? Say("renewed") : SayFailed(renewed.status);
  } else {
    Say("failed: no such command: " + line);
  }
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: lock_client ADDRESS\n";
    return 2;
  }
  holdfast::StubClient client(argv[1]);
  std::unique_ptr<holdfast::SessionStream> session;
  for (std::string line; std::getline(std::cin, line);) holdfast::Obey(client, session, line);
  return 0;
}
