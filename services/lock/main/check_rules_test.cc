#include "services/lock/main/check_rules.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

class CheckRulesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path_) << "# ours\n"
                            "allow billing invoices/ acquire,inspect\n"
                            "quota billing leases=7 sessions=0\n";
  }

  EarlyExit Check(const std::vector<std::string>& rest) {
    std::vector<const char*> argv{"check-rules"};
    for (const std::string& each : rest) argv.push_back(each.c_str());
    return CheckRules(static_cast<int>(argv.size()), argv.data());
  }

  const std::string path_ = std::string(std::getenv("TEST_TMPDIR")) + "/rules";
};

TEST_F(CheckRulesTest, SaysWhichLineDecidesAndWhatItAllows) {
  const EarlyExit may = Check({path_, "--as", "billing", "--key", "invoices/7"});
  EXPECT_EQ(may.code, ExitCode::kOk);
  EXPECT_EQ(may.text,
            "line 2: allow billing invoices/ acquire,inspect\n"
            "acquire yes\ninspect yes\nwatch no\nadmin no\n"
            "at most 7 leases\nat most 0 sessions\n");
  EXPECT_EQ(Check({path_, "--as", "uid:0", "--key", "invoices/7"}).text,
            "no rule fits\nacquire no\ninspect no\nwatch no\nadmin no\n");
  EXPECT_EQ(Check({path_, "--as", "billing"}).text, "at most 7 leases\nat most 0 sessions\n");
  EXPECT_EQ(Check({path_}).text, path_ + ": 1 rules\n");
}

TEST_F(CheckRulesTest, AWrongFileOrCommandIsAnError) {
  std::ofstream(path_) << "permit\n";
  const EarlyExit wrong = Check({path_});
  EXPECT_EQ(wrong.code, ExitCode::kUsage);
  EXPECT_THAT(wrong.text, HasSubstr("line 1: expected allow"));
  EXPECT_EQ(Check({path_ + ".none"}).code, ExitCode::kUsage);
  EXPECT_EQ(Check({}).code, ExitCode::kUsage);
  EXPECT_EQ(Check({path_, "--key", "k"}).code, ExitCode::kUsage) << "as nobody";
  EXPECT_EQ(Check({"--help"}).code, ExitCode::kOk);
}

}  // namespace
}  // namespace holdfast
