// One lock, contended for by a C++ process and a Python process: the example
// programs, as a reader would run them.

#include <cstdint>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

constexpr int kRounds = 3;

std::unique_ptr<ChildProcess> StartHandover(const std::string& folder, const std::string& name,
                                            const std::string& address) {
  auto child = ChildProcess::Start({
      .argv = {Runfile(folder + "/handover"), "--address=" + address, "--name=" + name,
               "--rounds=" + std::to_string(kRounds), "--hold-ms=100"},
      .talk = true,
  });
  EXPECT_TRUE(child.ok()) << child.status();
  return child.ok() ? *std::move(child) : nullptr;
}

// Reads to the end, prints what it reads and returns the tokens that were granted.
std::vector<std::uint64_t> TokensOf(ChildProcess& child) {
  const std::string granted = "granted, token ";
  std::vector<std::uint64_t> tokens;
  while (const auto line = child.ReadLine(kWaitLimit)) {
    std::cout << *line << '\n';
    const std::size_t place = line->find(granted);
    if (place == std::string::npos) continue;
    tokens.push_back(std::stoull(line->substr(place + granted.size())));
  }
  return tokens;
}

TEST(TwoLanguagesTest, HandOneLockToEachOther) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  // Held until both are in the queue, so that neither is done before the other begins.
  StubClient starter(server.address());
  ASSERT_TRUE(starter.Acquire({.key = "demo", .lease_id = Id("starter")}).ok());
  const auto cpp = StartHandover("clients/cpp/examples", "cpp", server.address());
  const auto python = StartHandover("clients/python/examples", "python", server.address());
  ASSERT_TRUE(cpp != nullptr && python != nullptr);
  ASSERT_TRUE(Eventually([&] { return starter.Get("demo").response.queue_length() == 2; }));
  ASSERT_TRUE(starter.Release("demo", Id("starter")).ok());

  std::map<std::uint64_t, std::string> who_by_token;
  for (const auto& [name, child] : {std::pair("cpp", &*cpp), std::pair("python", &*python)}) {
    std::uint64_t last = 0;
    const std::vector<std::uint64_t> tokens = TokensOf(*child);
    for (const std::uint64_t token : tokens) {
      EXPECT_GT(token, last);
      last = token;
      who_by_token[token] = name;
    }
    EXPECT_EQ(child->WaitForExit(kWaitLimit), ExitStatus{.code = 0});
  }
  ASSERT_EQ(who_by_token.size(), 2u * kRounds) << "a token was granted twice, or not at all";
  // Both were in the queue at the start, so the first two turns are one each.
  EXPECT_NE(who_by_token.begin()->second, std::next(who_by_token.begin())->second);
}

}  // namespace
}  // namespace holdfast
