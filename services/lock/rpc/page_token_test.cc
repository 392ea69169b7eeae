#include "services/lock/rpc/page_token.h"

#include <initializer_list>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

v1::Filter FilterOf(const std::string& prefix, std::initializer_list<std::string> tags) {
  v1::Filter filter;
  filter.set_key_prefix(prefix);
  for (const std::string& tag : tags) filter.add_tags(tag);
  return filter;
}

TEST(FingerprintTest, TellsFiltersApart) {
  const std::uint64_t empty = Fingerprint(v1::Filter());
  EXPECT_NE(Fingerprint(FilterOf("a", {})), empty);
  EXPECT_NE(Fingerprint(FilterOf("", {"a"})), empty);
  EXPECT_NE(Fingerprint(FilterOf("", {"a"})), Fingerprint(FilterOf("a", {})));
  EXPECT_NE(Fingerprint(FilterOf("a", {"bc"})), Fingerprint(FilterOf("ab", {"c"})));
  EXPECT_NE(Fingerprint(FilterOf("", {"ab"})), Fingerprint(FilterOf("", {"a", "b"})));
}

TEST(FingerprintTest, IgnoresTheOrderOfTags) {
  EXPECT_EQ(Fingerprint(FilterOf("p", {"a", "b"})), Fingerprint(FilterOf("p", {"b", "a"})));
}

// Tokens outlive the server that made them.
TEST(FingerprintTest, IsTheSameInEveryVersion) {
  EXPECT_EQ(Fingerprint(FilterOf("jobs/", {"red"})), 4119973094572869407u);
}

v1::ReleaseByTagRequest ByTag(std::initializer_list<std::string> tags, bool dry_run) {
  v1::ReleaseByTagRequest request;
  for (const std::string& tag : tags) request.add_tags(tag);
  request.set_dry_run(dry_run);
  return request;
}

TEST(FingerprintTest, TellsADryRunFromTheRealOne) {
  EXPECT_NE(Fingerprint(ByTag({"a"}, true)), Fingerprint(ByTag({"a"}, false)));
  EXPECT_NE(Fingerprint(ByTag({"a"}, true)), Fingerprint(ByTag({"b"}, true)));
  EXPECT_EQ(Fingerprint(ByTag({"b", "a"}, true)), Fingerprint(ByTag({"a", "b"}, true)));
}

TEST(FingerprintTest, TellsAReleaseFromAListing) {
  for (const bool dry_run : {false, true}) {
    EXPECT_NE(Fingerprint(ByTag({"a", "b"}, dry_run)), Fingerprint(FilterOf("", {"a", "b"})));
  }
}

TEST(PageTokenTest, GivesTheKeyBack) {
  for (const std::string& key :
       {std::string("k"), std::string(512, 'k'), std::string("\0\n/schlüssel", 13)}) {
    EXPECT_EQ(DecodePageToken(EncodePageToken(key, 7), 7), key);
  }
}

TEST(PageTokenTest, RefusesAnotherFilter) {
  EXPECT_EQ(DecodePageToken(EncodePageToken("key", 7), 8), std::nullopt);
}

TEST(PageTokenTest, RefusesWhatItDidNotMake) {
  EXPECT_EQ(DecodePageToken("", 7), std::nullopt);
  EXPECT_EQ(DecodePageToken("key", 7), std::nullopt);
  EXPECT_EQ(DecodePageToken("not base64!", 7), std::nullopt);
  EXPECT_EQ(DecodePageToken(EncodePageToken("", 7), 7), std::nullopt);
  EXPECT_EQ(DecodePageToken(EncodePageToken(std::string(513, 'k'), 7), 7), std::nullopt);
  const std::string token = EncodePageToken("key", 7);
  EXPECT_EQ(DecodePageToken(token.substr(0, 8), 7), std::nullopt);
}

}  // namespace
}  // namespace holdfast
