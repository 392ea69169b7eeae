// A log that ends within one of its last three commits, or has nothing but the zeros from
// there on with which it was laid out: the store opens with the commits that are whole, as
// if the rest had never been begun. It cannot know better: a process that died while it
// wrote the first of the three leaves the same.

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/log.h"
#include "services/lock/storage/log_record.h"
#include "services/lock/storage/testing/killed_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

constexpr std::size_t kCut = 3;

class RocksDbStoreCutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kError);  // Each cut is worth a warning.
    store_.Start();
    store_.Commit({ReserveTokens{1024}, KilledStore::Grant(1)});
    store_.Start();
  }

  // Cuts the log at every byte of its last three commits that `wanted` says yes to.
  template <typename Wanted>
  void CutEach(const Wanted& wanted) {
    store_.Kill();
    const std::vector<KilledStore::State>& commits = store_.commits();
    const std::size_t begin = commits[commits.size() - 1 - kCut].log_size;
    std::size_t cuts = 0;
    for (std::size_t size = begin; size < commits.back().log_size; ++size) {
      if (!wanted(size)) continue;
      const auto behind = std::find_if(commits.begin(), commits.end(),
                                       [&](const auto& state) { return state.log_size > size; });
      DirectoryImage image = store_.image();
      std::string& log = image[store_.log_name()];
      const std::size_t laid_out = log.size();
      log.resize(size);
      ExpectOpens(image, std::prev(behind)->content, "cut at " + std::to_string(size));
      log.resize(laid_out, '\0');
      ExpectOpens(image, std::prev(behind)->content, "zeros from " + std::to_string(size));
      if (HasFatalFailure()) return;
      ++cuts;
    }
    std::cout << cuts << " cuts\n";
    EXPECT_GT(cuts, 100u);
  }

  void ExpectOpens(const DirectoryImage& image, const StoreContent& expected,
                   const std::string& what) {
    const absl::StatusOr<StoreContent> content = store_.ContentOf(image);
    ASSERT_TRUE(content.ok()) << what << ": " << content.status();
    ASSERT_EQ(*content, expected) << what;
  }

  KilledStore store_;
};

TEST_F(RocksDbStoreCutTest, AtEveryByteOfShortCommits) {
  store_.Commit({KilledStore::Grant(2)});
  store_.Commit({KilledStore::Grant(3), ReserveTokens{2048}});
  store_.Commit({PutEnded{"lease-number-2", EndCause::kReleased}});
  store_.Commit({KilledStore::Grant(4)});
  CutEach([](std::size_t) { return true; });
}

TEST_F(RocksDbStoreCutTest, AtEverySeamOfCommitsThatSpanBlocks) {
  store_.Commit({KilledStore::Grant(2, 20'000)});
  store_.Commit({KilledStore::Grant(3, 40'000)});
  store_.Commit({KilledStore::Grant(4)});
  store_.Commit({KilledStore::Grant(5, 70'000)});
  std::vector<std::size_t> seams;
  for (const KilledStore::State& commit : store_.commits()) seams.push_back(commit.log_size);
  for (std::size_t i = 1; i < 5; ++i) seams.push_back(i * kLogBlockSize);
  CutEach([&](std::size_t size) {
    const bool near = std::any_of(seams.begin(), seams.end(), [&](std::size_t seam) {
      return size + 12 > seam && size < seam + 12;
    });
    return near || size % 4999 == 0;
  });
}

}  // namespace
}  // namespace holdfast
