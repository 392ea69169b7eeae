#include "clients/cli/diagnosis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "common/file_descriptor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using testing::HasSubstr;

// Takes one connection on a free port, and answers its first words with `answer`.
class Answering {
 public:
  explicit Answering(std::string answer) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast)
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
    EXPECT_EQ(listen(socket_.get(), 1), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    thread_ = std::thread([this, answer = std::move(answer)] {
      const FileDescriptor connection(accept(socket_.get(), nullptr, nullptr));
      char heard[64];
      heard_ = recv(connection.get(), heard, sizeof(heard), 0);
      send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~Answering() { thread_.join(); }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;

  const std::string& address() const { return address_; }

 private:
  FileDescriptor socket_;
  std::string address_;
  ssize_t heard_ = 0;
  std::thread thread_;
};

std::string DiagnosisOf(const std::string& answer) { return Diagnose(Answering(answer).address()); }

TEST(DiagnosisTest, NamesWhatAnswers) {
  EXPECT_THAT(DiagnosisOf("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("HTTP/1 server"));
  EXPECT_THAT(DiagnosisOf("<!DOCTYPE HTML PUBLIC"), HasSubstr("HTTP/1 server"));
  EXPECT_THAT(DiagnosisOf("\x15\x03\x01\x02\x02\x46"), HasSubstr("expects TLS"));
  EXPECT_THAT(DiagnosisOf("SSH-2.0-OpenSSH_9.2p1\r\n"), HasSubstr("not holdfastd"));
}

TEST(DiagnosisTest, SaysNothingOfWhatSpeaksHttp2) {
  EXPECT_EQ(DiagnosisOf(std::string("\0\0\0\4\0\0\0\0\0", 9)), "");
}

TEST(DiagnosisTest, TellsWhatHangsUp) {
  EXPECT_THAT(DiagnosisOf(""), HasSubstr("closes the connection without an answer"));
}

TEST(DiagnosisTest, TellsWhereNothingListens) {
  std::string gone;
  {
    const Answering server("");
    gone = server.address();
    Diagnose(gone);
  }
  EXPECT_EQ(Diagnose(gone), "nothing is listening there; is holdfastd running?");
  const std::string folder = std::getenv("TEST_TMPDIR");
  EXPECT_EQ(Diagnose("unix:" + folder + "/none"),
            "the socket does not exist; is holdfastd running?");
}

TEST(DiagnosisTest, TellsAFileFromASocket) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/file";
  std::ofstream(path) << "no socket";
  EXPECT_EQ(Diagnose("unix:" + path), "that is not a socket");
}

TEST(DiagnosisTest, IsForThoseWhoHadNoAnswer) {
  const std::string address = "unix:" + std::string(std::getenv("TEST_TMPDIR")) + "/none";
  EXPECT_THAT(std::string(WithDiagnosis(absl::UnavailableError("gone"), address).message()),
              testing::StartsWith("gone (unix:/"));
  const absl::Status refused = absl::PermissionDeniedError("no");
  EXPECT_EQ(WithDiagnosis(refused, address), refused);
}

}  // namespace
}  // namespace holdfast::cli
