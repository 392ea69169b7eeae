#include "tests/crash_points/disk_model.h"

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Eq;
using ::testing::IsSubsetOf;
using ::testing::UnorderedElementsAre;

constexpr int kDraws = 200;

// A disk, spoken to in few words.
class DiskModelTest : public ::testing::Test {
 protected:
  OpenFile Open(const std::string& path) {
    const OpenFile file{++last_number_, path};
    disk_.Apply(OpenOperation{file});
    return file;
  }
  OpenFile Create(const std::string& path) {
    disk_.Apply(CreateOperation{path});
    return Open(path);
  }
  void Append(const OpenFile& file, const std::string& data) {
    disk_.Apply(WriteOperation{file, sizes_[file.number], data});
    sizes_[file.number] += data.size();
  }
  void Sync(const OpenFile& file) { disk_.Apply(SyncOperation{file}); }
  void SyncDirectory(const std::string& path) { Sync(Open(path)); }
  void Rename(const std::string& from, const std::string& to) {
    disk_.Apply(RenameOperation{from, to});
  }

  // A file with this content, all of it durable.
  OpenFile Durable(const std::string& path, const std::string& content) {
    const OpenFile file = Create(path);
    Append(file, content);
    Sync(file);
    SyncDirectory("");
    return file;
  }

  // All that came of many draws.
  std::set<DiskImage> AllTorn() {
    std::mt19937_64 random(1);
    std::set<DiskImage> images;
    for (int i = 0; i < kDraws; ++i) images.insert(disk_.Torn(random));
    return images;
  }

  DiskModel disk_;
  std::map<std::uint64_t, std::uint64_t> sizes_;
  std::uint64_t last_number_ = 0;
};

TEST_F(DiskModelTest, WhatWasWrittenIsDurableWithTheSyncOfTheFile) {
  const OpenFile file = Durable("f", "ab");
  Append(file, "cd");
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"f", "abcd"}}));
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", "ab"}}));
  Sync(file);
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", "abcd"}}));
}

TEST_F(DiskModelTest, ANewNameIsDurableWithTheSyncOfItsDirectory) {
  const OpenFile file = Create("f");
  Append(file, "ab");
  Sync(file);
  EXPECT_EQ(disk_.Dropped(), DiskImage());
  SyncDirectory("");
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", "ab"}}));
}

TEST_F(DiskModelTest, ANameCanBeDurableBeforeItsContent) {
  Append(Create("f"), "ab");
  SyncDirectory("");
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", ""}}));
}

TEST_F(DiskModelTest, ARenameIsUndoneAsAWhole) {
  Durable("old", "1");
  Durable("new", "2");
  Rename("new", "old");
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"old", "2"}}));
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"new", "2"}, {"old", "1"}}));
  EXPECT_THAT(AllTorn(),
              UnorderedElementsAre(DiskImage{{"old", "2"}}, DiskImage{{"new", "2"}, {"old", "1"}}));
  SyncDirectory("");
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"old", "2"}}));
}

TEST_F(DiskModelTest, AFileThatWasRemovedMayComeBackAsItWasSynced) {
  Append(Durable("f", "ab"), "cd");
  disk_.Apply(RemoveOperation{"f"});
  EXPECT_EQ(disk_.Kept(), DiskImage());
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", "ab"}}));
}

TEST_F(DiskModelTest, WhatIsInANewDirectoryGoesWithIt) {
  disk_.Apply(MakeDirectoryOperation{"d"});
  const OpenFile file = Create("d/f");
  Append(file, "ab");
  Sync(file);
  SyncDirectory("d");
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"d/", ""}, {"d/f", "ab"}}));
  EXPECT_EQ(disk_.Dropped(), DiskImage());
  SyncDirectory("");
  EXPECT_EQ(disk_.Dropped(), disk_.Kept());
}

TEST_F(DiskModelTest, ADirectoryThatIsMadeAgainIsAnotherOne) {
  disk_.Apply(MakeDirectoryOperation{"d"});
  Durable("d/f", "ab");
  SyncDirectory("d");
  disk_.Apply(RemoveOperation{"d/f"});
  disk_.Apply(RemoveOperation{"d"});
  disk_.Apply(MakeDirectoryOperation{"d"});
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"d/", ""}}));
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"d/", ""}, {"d/f", "ab"}}));
}

TEST_F(DiskModelTest, AnOpenFileStaysItselfUnderAnotherName) {
  const OpenFile file = Durable("f", "ab");
  Rename("f", "g");
  Append(file, "cd");
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"g", "abcd"}}));
  disk_.Apply(RemoveOperation{"g"});
  Append(file, "ef");
  EXPECT_EQ(disk_.Kept(), DiskImage());
}

TEST_F(DiskModelTest, ACutIsLostAsWritesAre) {
  const OpenFile file = Durable("f", "abcd");
  disk_.Apply(ResizeOperation{file, 2});
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"f", "ab"}}));
  EXPECT_EQ(disk_.Dropped(), (DiskImage{{"f", "abcd"}}));
  disk_.Apply(ResizeOperation{file, 3});
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"f", std::string("ab\0", 3)}}));
}

TEST_F(DiskModelTest, AProcessDiesWithinAWrite) {
  const OpenFile file = Durable("f", "ab");
  EXPECT_EQ(disk_.KeptWithin({file, 2, "cdef"}, 1), (DiskImage{{"f", "abc"}}));
  EXPECT_EQ(disk_.Kept(), (DiskImage{{"f", "ab"}}));
}

TEST_F(DiskModelTest, TornWritesAreCutAnywhereAndInOrder) {
  const OpenFile file = Durable("f", "ab");
  Append(file, "cd");
  Append(file, "ef");
  EXPECT_THAT(AllTorn(), UnorderedElementsAre(DiskImage{{"f", "ab"}}, DiskImage{{"f", "abc"}},
                                              DiskImage{{"f", "abcd"}}, DiskImage{{"f", "abcde"}},
                                              DiskImage{{"f", "abcdef"}}));
}

TEST_F(DiskModelTest, NamesOfADirectoryAreTornInOrderAndFilesApart) {
  Durable("a", "1");
  Create("b");
  Create("c");
  const OpenFile a = Open("a");
  disk_.Apply(WriteOperation{a, 1, "2"});
  const std::set<DiskImage> torn = AllTorn();
  EXPECT_EQ(torn.size(), 6u) << "one of three states of the folder, one of two of the file";
  for (const DiskImage& image : torn) {
    EXPECT_TRUE(image.contains("b") || !image.contains("c"));
  }
}

TEST_F(DiskModelTest, SectorsThatWereNotWrittenAreZero) {
  const OpenFile file = Durable("f", std::string(700, 'a'));
  Append(file, std::string(1000, 'b'));
  std::mt19937_64 random(1);
  std::set<std::string> contents;
  for (int i = 0; i < kDraws; ++i) contents.insert(disk_.WithHoles(random).at("f"));
  EXPECT_EQ(contents.size(), 8u) << "each of three sectors was written or was not";
  for (const std::string& content : contents) {
    ASSERT_EQ(content.size(), 1700u);
    EXPECT_EQ(content.substr(0, 700), std::string(700, 'a'));
    EXPECT_THAT(content.substr(700, 324), AnyOf(std::string(324, 'b'), std::string(324, '\0')));
    EXPECT_THAT(content.substr(1024, 512), AnyOf(std::string(512, 'b'), std::string(512, '\0')));
    EXPECT_THAT(content.substr(1536), AnyOf(std::string(164, 'b'), std::string(164, '\0')));
  }
}

}  // namespace
}  // namespace holdfast
