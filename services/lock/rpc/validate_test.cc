// Each limit at n and n + 1, for every request that has the field.

#include "services/lock/rpc/validate.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/page_token.h"

namespace holdfast {
namespace {

using google::protobuf::Duration;

constexpr char kLeaseId[] = "0123456789abcdef";
constexpr std::int64_t kDay = 86'400;

v1::AcquireRequest ValidAcquire() {
  v1::AcquireRequest request;
  request.set_key("k");
  request.set_lease_id(kLeaseId);
  return request;
}

v1::Operation::AcquireOperation InSession(const v1::AcquireRequest& request) {
  v1::Operation::AcquireOperation operation;
  *operation.mutable_request() = request;
  return operation;
}

v1::RenewRequest ValidRenew() {
  v1::RenewRequest request;
  request.set_key("k");
  request.set_lease_id(kLeaseId);
  return request;
}

v1::ReleaseRequest ValidRelease() {
  v1::ReleaseRequest request;
  request.set_key("k");
  request.set_lease_id(kLeaseId);
  return request;
}

v1::ReleaseByTagRequest ByTag(const std::vector<std::string>& tags) {
  v1::ReleaseByTagRequest request;
  request.mutable_tags()->Assign(tags.begin(), tags.end());
  return request;
}

Duration Length(std::int64_t seconds, std::int32_t nanos) {
  Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

// The rejected field, or "" if there is none.
template <typename Request>
std::string Rejected(const Request& request) {
  const auto error = Validate(request);
  return error.has_value() ? error->field : "";
}

std::string RejectedAcquire(const std::function<void(v1::AcquireRequest&)>& change) {
  v1::AcquireRequest request = ValidAcquire();
  change(request);
  return Rejected(request);
}

TEST(ValidateTest, AcceptsTheLeastOfEachRequest) {
  EXPECT_EQ(Rejected(ValidAcquire()), "");
  EXPECT_EQ(Rejected(ValidRelease()), "");
  EXPECT_EQ(Rejected(ValidRenew()), "");
  EXPECT_EQ(Rejected(v1::ListRequest()), "");
  EXPECT_EQ(Rejected(v1::WatchRequest()), "");
  EXPECT_EQ(Rejected(v1::Operation::RenewAll()), "");
  EXPECT_EQ(Rejected(ByTag({"x"})), "");
}

class KeyTest : public testing::Test {
 protected:
  // What each method that has a key says to this one.
  static std::vector<std::string> RejectedEverywhere(const std::string& key) {
    auto acquire = ValidAcquire();
    acquire.set_key(key);
    auto release = ValidRelease();
    release.set_key(key);
    auto renew = ValidRenew();
    renew.set_key(key);
    v1::GetRequest get;
    get.set_key(key);
    v1::ForceReleaseRequest force_release;
    force_release.set_key(key);
    v1::Operation::Detach detach;
    detach.set_key(key);
    detach.set_lease_id(kLeaseId);
    return {Rejected(acquire), Rejected(InSession(acquire)), Rejected(release), Rejected(renew),
            Rejected(get),     Rejected(force_release),      Rejected(detach)};
  }
};

TEST_F(KeyTest, HasOneTo512Bytes) {
  EXPECT_THAT(RejectedEverywhere(""), testing::Each("key"));
  EXPECT_THAT(RejectedEverywhere("k"), testing::Each(""));
  EXPECT_THAT(RejectedEverywhere(std::string(512, 'k')), testing::Each(""));
  EXPECT_THAT(RejectedEverywhere(std::string(513, 'k')), testing::Each("key"));
}

TEST_F(KeyTest, MayHoldAnyCharacter) {
  EXPECT_THAT(RejectedEverywhere(std::string("\0\n \x7f", 4)), testing::Each(""));
}

TEST_F(KeyTest, IsMeasuredInBytes) {
  std::string key;
  for (int i = 0; i < 256; ++i) key += "ü";
  EXPECT_THAT(RejectedEverywhere(key), testing::Each(""));
  EXPECT_THAT(RejectedEverywhere(key + "ü"), testing::Each("key"));
}

class LeaseIdTest : public testing::Test {
 protected:
  static std::vector<std::string> RejectedEverywhere(const std::string& lease_id) {
    auto acquire = ValidAcquire();
    acquire.set_lease_id(lease_id);
    auto release = ValidRelease();
    release.set_lease_id(lease_id);
    auto renew = ValidRenew();
    renew.set_lease_id(lease_id);
    return {Rejected(acquire), Rejected(release), Rejected(renew)};
  }
};

TEST_F(LeaseIdTest, Has16To64Characters) {
  EXPECT_THAT(RejectedEverywhere(""), testing::Each("lease_id"));
  EXPECT_THAT(RejectedEverywhere(std::string(15, 'a')), testing::Each("lease_id"));
  EXPECT_THAT(RejectedEverywhere(std::string(16, 'a')), testing::Each(""));
  EXPECT_THAT(RejectedEverywhere(std::string(64, 'a')), testing::Each(""));
  EXPECT_THAT(RejectedEverywhere(std::string(65, 'a')), testing::Each("lease_id"));
}

TEST_F(LeaseIdTest, HasOnlyLettersDigitsDotUnderscoreAndHyphen) {
  const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  for (int c = 0; c < 256; ++c) {
    std::string lease_id = kLeaseId;
    lease_id[7] = static_cast<char>(c);
    const bool good = allowed.find(static_cast<char>(c)) != std::string::npos;
    EXPECT_THAT(RejectedEverywhere(lease_id), testing::Each(good ? "" : "lease_id")) << c;
  }
}

TEST(OwnerTest, HasAtMost256Bytes) {
  EXPECT_EQ(RejectedAcquire([](auto& r) { r.set_owner(std::string(256, 'o')); }), "");
  EXPECT_EQ(RejectedAcquire([](auto& r) { r.set_owner(std::string(257, 'o')); }), "owner");
}

// Tags have the same limits in a lease and in a filter.
struct TagsCase {
  std::string name;
  std::string field;
  std::function<std::string(const std::vector<std::string>&)> rejected;
};

class TagsTest : public testing::TestWithParam<TagsCase> {
 protected:
  std::string Rejected(const std::vector<std::string>& tags) { return GetParam().rejected(tags); }
  std::string Field(const std::string& index = "") { return GetParam().field + index; }
};

TEST_P(TagsTest, AreAtMost16) {
  std::vector<std::string> tags;
  for (char c = 'a'; c < 'a' + 16; ++c) tags.emplace_back(1, c);
  EXPECT_EQ(Rejected(tags), "");
  tags.emplace_back("one more");
  EXPECT_EQ(Rejected(tags), Field());
}

TEST_P(TagsTest, HaveOneTo128Bytes) {
  EXPECT_EQ(Rejected({"a", ""}), Field("[1]"));
  EXPECT_EQ(Rejected({"a", std::string(128, 't')}), "");
  EXPECT_EQ(Rejected({"a", "b", std::string(129, 't')}), Field("[2]"));
}

TEST_P(TagsTest, DoNotRepeat) {
  EXPECT_EQ(Rejected({"a", "b", "A"}), "");
  EXPECT_EQ(Rejected({"a", "b", "c", "b"}), Field("[3]"));
}

std::string RejectedOfLease(const std::vector<std::string>& tags) {
  auto request = ValidAcquire();
  request.mutable_tags()->Assign(tags.begin(), tags.end());
  return Rejected(request);
}

template <typename Request>
std::string RejectedOfFilter(const std::vector<std::string>& tags) {
  Request request;
  request.mutable_filter()->mutable_tags()->Assign(tags.begin(), tags.end());
  return Rejected(request);
}

std::string RejectedOfReleaseByTag(const std::vector<std::string>& tags) {
  return Rejected(ByTag(tags));
}

INSTANTIATE_TEST_SUITE_P(
    Everywhere, TagsTest,
    testing::Values(TagsCase{"Acquire", "tags", RejectedOfLease},
                    TagsCase{"List", "filter.tags", RejectedOfFilter<v1::ListRequest>},
                    TagsCase{"Watch", "filter.tags", RejectedOfFilter<v1::WatchRequest>},
                    TagsCase{"ReleaseByTag", "tags", RejectedOfReleaseByTag}),
    [](const auto& test) { return test.param.name; });

TEST(ReleaseByTagTest, NeedsATag) { EXPECT_EQ(Rejected(ByTag({})), "tags"); }

std::vector<std::string> RejectedExpire(const Duration& expire) {
  auto acquire = ValidAcquire();
  *acquire.mutable_expire() = expire;
  auto renew = ValidRenew();
  *renew.mutable_expire() = expire;
  return {Rejected(acquire), Rejected(renew)};
}

TEST(ExpireTest, IsOneMillisecondTo366Days) {
  EXPECT_THAT(RejectedExpire(Length(0, 0)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(0, 999'999)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(0, 1'000'000)), testing::Each(""));
  EXPECT_THAT(RejectedExpire(Length(366 * kDay, 0)), testing::Each(""));
  EXPECT_THAT(RejectedExpire(Length(366 * kDay, 1)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(-1, 0)), testing::Each("expire"));
}

TEST(ExpireTest, IsAValidDuration) {
  EXPECT_THAT(RejectedExpire(Length(1, 999'999'999)), testing::Each(""));
  EXPECT_THAT(RejectedExpire(Length(1, 1'000'000'000)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(1, -1)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(INT64_MAX, 999'999'999)), testing::Each("expire"));
  EXPECT_THAT(RejectedExpire(Length(INT64_MIN, 0)), testing::Each("expire"));
}

std::string RejectedMaxHold(const Duration& max_hold) {
  return RejectedAcquire([&](auto& r) { *r.mutable_max_hold() = max_hold; });
}

TEST(MaxHoldTest, IsOneMillisecondTo366Days) {
  EXPECT_EQ(RejectedMaxHold(Length(0, 0)), "max_hold");
  EXPECT_EQ(RejectedMaxHold(Length(0, 999'999)), "max_hold");
  EXPECT_EQ(RejectedMaxHold(Length(0, 1'000'000)), "");
  EXPECT_EQ(RejectedMaxHold(Length(366 * kDay, 0)), "");
  EXPECT_EQ(RejectedMaxHold(Length(366 * kDay, 1)), "max_hold");
  EXPECT_EQ(RejectedMaxHold(Length(1, -1)), "max_hold");
}

TEST(BoundTest, IsForSessionsAndNeedsAnExpire) {
  auto request = ValidAcquire();
  request.set_bound(true);
  EXPECT_EQ(Rejected(InSession(request)), "bound");
  request.mutable_expire()->set_seconds(1);
  EXPECT_EQ(Rejected(InSession(request)), "");
  EXPECT_EQ(Rejected(request), "bound");
}

v1::Operation::Attach ValidAttach() {
  v1::Operation::Attach attach;
  attach.set_session_id(kLeaseId);
  attach.set_stream_number(1);
  return attach;
}

// `pages`: of the list, this one included.
std::string RejectedPage(const v1::Operation::Attach& page, int pages = 1) {
  const auto error = ValidatePage(page, /*first_page=*/pages == 1);
  return error.has_value() ? error->field : "";
}

TEST(AttachTest, TheFirstPageNamesTheSessionAndTheStream) {
  v1::Operation::Attach attach = ValidAttach();
  EXPECT_EQ(RejectedPage(attach), "");
  attach.set_session_id("short");
  EXPECT_EQ(RejectedPage(attach), "session_id");
  attach.set_session_id(std::string(65, 's'));
  EXPECT_EQ(RejectedPage(attach), "session_id");
  attach = ValidAttach();
  attach.set_stream_number(0);
  EXPECT_EQ(RejectedPage(attach), "stream_number");
}

TEST(AttachTest, FurtherPagesDoNot) {
  v1::Operation::Attach attach = ValidAttach();
  EXPECT_EQ(RejectedPage(attach, 2), "session_id");
  attach.clear_session_id();
  EXPECT_EQ(RejectedPage(attach, 2), "stream_number");
  attach.clear_stream_number();
  EXPECT_EQ(RejectedPage(attach, 2), "");
}

TEST(AttachTest, ListsValidLeases) {
  v1::Operation::Attach attach = ValidAttach();
  for (int i = 0; i < 1'024; ++i) {
    attach.add_leases()->set_key("k");
    attach.mutable_leases(i)->set_lease_id(kLeaseId);
  }
  EXPECT_EQ(RejectedPage(attach), "");
  attach.mutable_leases(1'023)->clear_key();
  EXPECT_EQ(RejectedPage(attach), "leases[1023].key");
  attach.mutable_leases(3)->set_lease_id("short");
  EXPECT_EQ(RejectedPage(attach), "leases[3].lease_id");
  attach.add_leases();
  EXPECT_EQ(RejectedPage(attach), "leases");
}

std::string RejectedTimeout(const Duration& timeout) {
  return RejectedAcquire([&](auto& r) { *r.mutable_timeout() = timeout; });
}

TEST(TimeoutTest, IsZeroTo366Days) {
  EXPECT_EQ(RejectedTimeout(Length(0, -1)), "timeout");
  EXPECT_EQ(RejectedTimeout(Length(0, 0)), "");
  EXPECT_EQ(RejectedTimeout(Length(366 * kDay, 0)), "");
  EXPECT_EQ(RejectedTimeout(Length(366 * kDay, 1)), "timeout");
}

TEST(TimeoutTest, IsAValidDuration) {
  EXPECT_EQ(RejectedTimeout(Length(1, 1'000'000'000)), "timeout");
  EXPECT_EQ(RejectedTimeout(Length(1, -1)), "timeout");
  EXPECT_EQ(RejectedTimeout(Length(INT64_MAX, 0)), "timeout");
}

std::string RejectedList(const std::function<void(v1::ListRequest&)>& change) {
  v1::ListRequest request;
  change(request);
  return Rejected(request);
}

TEST(KeyPrefixTest, HasAtMost512Bytes) {
  v1::ListRequest list;
  v1::WatchRequest watch;
  for (v1::Filter* filter : {list.mutable_filter(), watch.mutable_filter()}) {
    filter->set_key_prefix(std::string(512, 'k'));
  }
  EXPECT_EQ(Rejected(list), "");
  EXPECT_EQ(Rejected(watch), "");
  for (v1::Filter* filter : {list.mutable_filter(), watch.mutable_filter()}) {
    filter->set_key_prefix(std::string(513, 'k'));
  }
  EXPECT_EQ(Rejected(list), "filter.key_prefix");
  EXPECT_EQ(Rejected(watch), "filter.key_prefix");
}

TEST(PageSizeTest, IsAtMost1000) {
  EXPECT_EQ(RejectedList([](auto& r) { r.set_page_size(1'000); }), "");
  EXPECT_EQ(RejectedList([](auto& r) { r.set_page_size(1'001); }), "page_size");
}

TEST(PageTokenFieldTest, BelongsToTheFilter) {
  v1::ListRequest request;
  request.mutable_filter()->set_key_prefix("jobs/");
  request.set_page_token(EncodePageToken("jobs/7", Fingerprint(request.filter())));
  EXPECT_EQ(Rejected(request), "");
  request.mutable_filter()->set_key_prefix("other/");
  EXPECT_EQ(Rejected(request), "page_token");
  request.set_page_token("jobs/7");
  EXPECT_EQ(Rejected(request), "page_token");
}

TEST(PageTokenFieldTest, BelongsToTheTags) {
  v1::ReleaseByTagRequest request = ByTag({"x", "y"});
  request.set_page_token(EncodePageToken("k", Fingerprint(request)));
  EXPECT_EQ(Rejected(request), "");
  request.add_tags("z");
  EXPECT_EQ(Rejected(request), "page_token");
  request = ByTag({"x"});
  for (const std::string& token :
       std::vector<std::string>{"k", "=", "AA==", std::string(2'000, 'A')}) {
    request.set_page_token(token);
    EXPECT_EQ(Rejected(request), "page_token") << token;
  }
}

// What a dry run has shown is still there, and whoever went on behind it would spare it.
TEST(PageTokenFieldTest, ADryRunsIsGoodForADryRunAlone) {
  for (const bool dry_run : {true, false}) {
    v1::ReleaseByTagRequest request = ByTag({"x"});
    request.set_dry_run(dry_run);
    request.set_page_token(EncodePageToken("k", Fingerprint(request)));
    EXPECT_EQ(Rejected(request), "");
    request.set_dry_run(!dry_run);
    EXPECT_EQ(Rejected(request), "page_token") << dry_run;
  }
}

TEST(FieldErrorTest, SaysWhatIsAllowedAndWhatWasSent) {
  auto request = ValidAcquire();
  request.set_key(std::string(600, 'k'));
  EXPECT_EQ(Validate(request), (FieldError{"key", "must be 1 to 512 bytes long, not 600"}));
}

TEST(FieldErrorTest, NeverRepeatsALeaseId) {
  auto request = ValidRelease();
  request.set_lease_id("secret secret secret");
  const auto error = Validate(request);
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->problem, testing::Not(testing::HasSubstr("secret")));
}

}  // namespace
}  // namespace holdfast
