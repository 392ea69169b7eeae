// Clients that want to do harm: what each of them costs the server is bounded, and
// everybody else is served meanwhile. docs/security.md names the limits.

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/file_descriptor.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/fuzz/bystanders.h"
#include "tests/fuzz/http2_frames.h"
#include "tests/fuzz/raw_connection.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using fuzz::Bystanders;
using fuzz::Frame;
using fuzz::FrameType;
using fuzz::RawConnection;

constexpr char kAcquire[] = "/holdfast.v1.LockService/Acquire";
constexpr long kMebibyte = 1024 * 1024;

class HostileClientsTest : public testing::Test {
 protected:
  void StartWith(ServerOptions options = {}) {
    options.flags.push_back("--listen=127.0.0.1:0");
    server_ = std::make_unique<ServerProcess>(std::move(options));
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    bystanders_ =
        std::make_unique<Bystanders>(std::vector{server_->address(), server_->TcpAddress()});
    ASSERT_TRUE(Eventually([&] { return bystanders_->rounds() > 10; }));
    memory_before_ = ResidentBytes(server_->pid());
  }

  RawConnection Connect() {
    std::optional<RawConnection> connection = RawConnection::Open(server_->address());
    EXPECT_TRUE(connection.has_value());
    return *std::move(connection);
  }

  // So that RSS is looked at while the attack is on. In MiB.
  void LookAtMemory() {
    most_ = std::max(most_, (ResidentBytes(server_->pid()) - memory_before_) / kMebibyte);
  }

  bool Logged(const std::string& text) { return server_->Log().find(text) != std::string::npos; }

  // Nobody else has noticed, and the server ends in order.
  void ExpectUnharmed(long most_mebibytes) {
    EXPECT_TRUE(Eventually([&] {
      LookAtMemory();
      return ResidentBytes(server_->pid()) - memory_before_ <= 100 * kMebibyte;
    })) << "it does not come back";
    EXPECT_LE(most_, most_mebibytes);
    const std::uint64_t rounds = bystanders_->rounds();
    EXPECT_TRUE(Eventually([&] { return bystanders_->rounds() > rounds + 10; }));
    bystanders_->Stop();
    EXPECT_THAT(bystanders_->troubles(), testing::IsEmpty());
    RecordProperty("most_mebibytes", static_cast<int>(most_));
    RecordProperty("after_mebibytes",
                   static_cast<int>((ResidentBytes(server_->pid()) - memory_before_) / kMebibyte));
    EXPECT_EQ(server_->Terminate(kWaitLimit), ExitStatus{.code = ToInt(ExitCode::kOk)});
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Bystanders> bystanders_;
  long memory_before_ = 0;
  long most_ = 0;
};

std::string BeginCalls(std::uint32_t first, std::uint32_t count) {
  std::string bytes;
  const std::string headers = fuzz::CallHeaders(kAcquire);
  for (std::uint32_t i = 0; i < count; ++i) {
    bytes += Frame(FrameType::kHeaders, fuzz::kEndHeaders, first + 2 * i, headers);
  }
  return bytes;
}

// CVE-2023-44487.
TEST_F(HostileClientsTest, CallsThatAreTakenBackAtOnce) {
  ASSERT_NO_FATAL_FAILURE(StartWith());
  const std::string headers = fuzz::CallHeaders(kAcquire);
  int cut = 0;
  for (int i = 0; i < 40; ++i) {
    RawConnection attacker = Connect();
    bool open = attacker.Send(fuzz::Greeting(), kWaitLimit);
    for (std::uint32_t stream = 1; open && stream < 20'000;) {
      std::string bytes;
      for (int j = 0; j < 100; ++j, stream += 2) {
        bytes += Frame(FrameType::kHeaders, fuzz::kEndHeaders, stream, headers);
        bytes += Frame(FrameType::kRstStream, 0, stream, fuzz::BigEndian(8));
      }
      open = attacker.Send(bytes, kWaitLimit);
    }
    cut += open ? 0 : 1;
    LookAtMemory();
  }
  EXPECT_EQ(cut, 40);
  EXPECT_TRUE(Logged("take too many calls back"));
  ExpectUnharmed(150);
}

TEST_F(HostileClientsTest, CallsWhoseRequestsNeverCome) {
  ASSERT_NO_FATAL_FAILURE(StartWith({.flags = {"--max-calls=4000"}}));
  std::vector<RawConnection> attackers;
  for (int i = 0; i < 30; ++i) {
    attackers.push_back(Connect());
    if (attackers.back().Send(fuzz::Greeting(), kWaitLimit)) {
      attackers.back().Send(BeginCalls(1, 1'000), kWaitLimit);
    }
    LookAtMemory();
  }
  EXPECT_TRUE(Eventually([&] { return Logged("too many calls open"); }));
  ExpectUnharmed(120);
}

TEST_F(HostileClientsTest, MessagesThatAreInflated) {
  ASSERT_NO_FATAL_FAILURE(StartWith());
  StubClient attacker(server_->address());
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    Prepare(context);
    context.set_compression_algorithm(algorithm);
    v1::GetRequest request;
    request.set_key(std::string(100 * kMebibyte, 'k'));
    v1::GetResponse response;
    EXPECT_EQ(attacker.stub().Get(&context, request, &response).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
    LookAtMemory();
  }
  ExpectUnharmed(30);
}

// Far beyond what is allowed together, at the same time.
TEST_F(HostileClientsTest, LargeMessages) {
  ASSERT_NO_FATAL_FAILURE(StartWith({.flags = {"--max-memory-for-requests=16777216"}}));
  v1::GetRequest request;
  request.set_key(std::string(40 * kMebibyte, 'k'));
  std::atomic<int> cut = 0;
  std::vector<std::thread> attackers;
  for (int i = 0; i < 6; ++i) {
    attackers.emplace_back([&] {
      StubClient attacker(server_->address());
      for (int j = 0; j < 3; ++j) {
        grpc::ClientContext context;
        Prepare(context);
        v1::GetResponse response;
        const grpc::Status status = attacker.stub().Get(&context, request, &response);
        cut += status.error_code() == grpc::StatusCode::UNAVAILABLE ? 1 : 0;
      }
    });
  }
  while (cut < 18 && !Logged("requests they do not complete")) LookAtMemory();
  for (std::thread& attacker : attackers) attacker.join();
  EXPECT_EQ(cut, 18);
  ExpectUnharmed(60);
}

// They take all places, and newcomers get in all the same, on both listeners.
TEST_F(HostileClientsTest, ConnectionsThatSayNothing) {
  ASSERT_NO_FATAL_FAILURE(StartWith({.max_open_files = 256}));
  std::vector<RawConnection> crowd;
  for (int i = 0; i < 400; ++i) {
    crowd.push_back(Connect());
    crowd.back().Send(fuzz::Greeting(), std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(Eventually([&] { return Logged("refusing new connections"); }));
  for (const std::string& address : {server_->TcpAddress(), server_->address()}) {
    StubClient newcomer(address);
    const auto lock = newcomer.Get("k");
    EXPECT_TRUE(lock.ok()) << address << ": " << lock.status;
  }
  ExpectUnharmed(50);
}

TEST_F(HostileClientsTest, ConnectionsThatAreResetAtOnce) {
  ASSERT_NO_FATAL_FAILURE(StartWith());
  const std::string address = server_->TcpAddress();
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  for (int i = 0; i < 10'000; ++i) {
    const FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  }
  const std::string log = server_->Log();
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 100) << log.substr(0, 5'000);
  ExpectUnharmed(50);
}

}  // namespace
}  // namespace holdfast
