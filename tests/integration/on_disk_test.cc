// What a server makes of a data directory that it finds.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr ExitStatus kBadData{.code = ToInt(ExitCode::kBadData)};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// The database's newest log.
std::filesystem::path NewestLog(const std::string& data_dir) {
  std::vector<std::filesystem::path> logs;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir + "/db")) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  return logs.empty() ? "" : *std::max_element(logs.begin(), logs.end());
}

class OnDiskTest : public testing::Test {
 protected:
  // Leaves two leases behind, each committed by itself.
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    StubClient client(server_.address());
    ASSERT_TRUE(client.Acquire({.key = "first", .lease_id = Id("first")}).ok());
    ASSERT_TRUE(client.Acquire({.key = "second", .lease_id = Id("second")}).ok());
    server_.Kill9();
  }

  void ExpectRefused(const std::string& file) {
    ASSERT_EQ(server_.Launch(), absl::OkStatus());
    EXPECT_EQ(server_.WaitForExit(kWaitLimit), kBadData) << server_.Log();
    EXPECT_THAT(server_.Log(), HasSubstr(file));
  }

  ServerProcess server_;
};

TEST_F(OnDiskTest, DirectoryOfANewerFormatIsRefusedAndLeftAlone) {
  const std::string path = server_.data_dir() + "/FORMAT";
  std::string content = ReadFile(path);
  const std::string line = "format: ";
  const std::size_t version = content.find(line);
  ASSERT_NE(version, std::string::npos) << content;
  content.insert(version + line.size(), "9");
  WriteFile(path, content);
  ExpectRefused("FORMAT");
  EXPECT_EQ(ReadFile(path), content);
}

TEST_F(OnDiskTest, TornTailOfTheLogIsDropped) {
  const std::filesystem::path log = NewestLog(server_.data_dir());
  ASSERT_FALSE(log.empty());
  // Behind the last commit it is laid out with zeros.
  std::filesystem::resize_file(log, ReadFile(log).find_last_not_of('\0') - 5);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  StubClient client(server_.address());
  EXPECT_EQ(client.Get("first").response.holders_size(), 1);
  EXPECT_TRUE(client.Acquire({.key = "third", .lease_id = Id("third")}).ok());
}

TEST_F(OnDiskTest, FlippedByteInTheMiddleOfTheLogIsRefused) {
  const std::filesystem::path log = NewestLog(server_.data_dir());
  ASSERT_FALSE(log.empty());
  std::string content = ReadFile(log);
  const std::size_t lease_id = content.find(Id("first"));
  ASSERT_NE(lease_id, std::string::npos);
  content[lease_id] = static_cast<char>(content[lease_id] ^ 1);
  WriteFile(log, content);
  ExpectRefused(log.filename());
}

TEST_F(OnDiskTest, MissingDatabaseIsNotTakenForANewOne) {
  std::filesystem::remove_all(server_.data_dir() + "/db");
  ExpectRefused(server_.data_dir());
}

TEST_F(OnDiskTest, SomebodyElsesDirectoryIsRefused) {
  const TempDir folder;
  WriteFile(folder.path() + "/letter.txt", "Dear reader");
  ServerProcess server({.data_dir = folder.path()});
  ASSERT_EQ(server.Launch(), absl::OkStatus());
  EXPECT_EQ(server.WaitForExit(kWaitLimit), kBadData) << server.Log();
  EXPECT_THAT(server.Log(), HasSubstr(folder.path()));
  EXPECT_EQ(ReadFile(folder.path() + "/letter.txt"), "Dear reader");
}

}  // namespace
}  // namespace holdfast
