// `holdfast health`, by which health checks and probes ask.

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "clients/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/cli_program.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using cli::ExitCode;
using testing::HasSubstr;

TEST(CliHealthTest, SaysWhetherTheServerServes) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const CliResult serving = CliProgram({"health"}, server).Finish();
  EXPECT_EQ(serving.status.code, ToInt(ExitCode::kOk)) << serving;
  EXPECT_EQ(serving.out, "serving\n");
  EXPECT_EQ(CliProgram({"health", "--json"}, server).Finish().out, "{\"status\":\"SERVING\"}\n");

  server.Kill9();
  const CliResult gone = CliProgram({"health", "--server-timeout=300ms"}, server).Finish();
  EXPECT_EQ(gone.status.code, ToInt(ExitCode::kUnreachable)) << gone;
  EXPECT_THAT(gone.err, HasSubstr("is holdfastd running?")) << gone;

  // Whoever opens a named pipe for reading waits for a writer: the records never load.
  const std::string current = server.data_dir() + "/db/CURRENT";
  std::filesystem::remove(current);
  ASSERT_EQ(mkfifo(current.c_str(), 0600), 0);
  ASSERT_EQ(server.Launch(), absl::OkStatus());
  const CliResult loading = CliProgram({"health", "--server-timeout=60s"}, server).Finish();
  EXPECT_EQ(loading.status.code, ToInt(ExitCode::kNotServing)) << loading;
  EXPECT_EQ(loading.out, "not serving\n");
}

}  // namespace
}  // namespace holdfast
