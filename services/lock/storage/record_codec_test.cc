#include "services/lock/storage/record_codec.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/storage/v1/records.pb.h"
#include "services/lock/storage/crc32c.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

storage::v1::LeaseRecord StoredLease() {
  storage::v1::LeaseRecord stored;
  stored.set_key("orders/7");
  stored.set_lease_id("id-1");
  stored.set_fencing_token(9);
  return stored;
}

// How messages call a record.
std::string NameOf(const std::string& key) {
  if (key.size() < 2) return "record \"" + key + "\"";
  return absl::StrCat("record \"", key.substr(0, 1), "...",
                      absl::Hex(Crc32c(key.substr(1)), absl::kZeroPad8), "\"");
}

// Expects that nothing is made of the record, and that the message says which
// one it is and why.
void ExpectUnreadable(const std::string& key, const std::string& value, const std::string& why) {
  StoreContent content;
  const absl::Status status = DecodeRecord(key, value, content);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(NameOf(key)));
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  EXPECT_EQ(content, StoreContent());
}

TEST(RecordCodecTest, GivesBackWhatItWasGiven) {
  LeaseRecord lease;
  lease.spec = {.key = "k",
                .lease_id = "id",
                .owner = "svc@host:1",
                .tags = {"a", "b"},
                .expire = std::chrono::seconds(30)};
  lease.fencing_token = 3;
  lease.granted_at = WallTime{-5};
  lease.asked = AskedExpire{std::chrono::seconds(10)};
  StoreContent content;
  ASSERT_TRUE(DecodeRecord(LeaseStorageKey("id"), EncodeLease(lease), content).ok());
  ASSERT_TRUE(DecodeRecord(EndedStorageKey("id"), EncodeEnded(EndCause::kForced), content).ok());
  ASSERT_TRUE(DecodeRecord(TokenStorageKey(), EncodeTokens(77), content).ok());
  StoreContent expected;
  expected.leases = {{"id", lease}};
  expected.ended = {{"id", EndCause::kForced}};
  expected.reserved_tokens = 77;
  EXPECT_EQ(content, expected);
}

// A change of these bytes is a change of the format: raise kFormatVersion.
TEST(RecordCodecTest, WhatIsOnTheDiskStaysReadable) {
  EXPECT_EQ(LeaseStorageKey("id-1"), "lid-1");
  EXPECT_EQ(EndedStorageKey("id-1"), "eid-1");
  EXPECT_EQ(TokenStorageKey(), "t");
  LeaseRecord lease;
  lease.spec = {.key = "k",
                .lease_id = "id-1",
                .owner = "o",
                .tags = {"x"},
                .expire = std::chrono::nanoseconds(300)};
  lease.fencing_token = 2;
  lease.granted_at = WallTime{1};
  EXPECT_EQ(EncodeLease(lease),
            "\x0a\x01k\x12\x04id-1\x18\x02\x20\xac\x02\x2a\x01x\x32\x01o\x38\x01");
  lease.asked = AskedExpire{std::chrono::nanoseconds(2)};
  EXPECT_TRUE(EncodeLease(lease).ends_with("\x38\x01\x42\x02\x08\x02"));
  lease.asked = AskedExpire{};
  EXPECT_TRUE(EncodeLease(lease).ends_with(std::string("\x38\x01\x42\x00", 4)));
  EXPECT_EQ(EncodeEnded(EndCause::kReleased), "\x08\x01");
  EXPECT_EQ(EncodeEnded(EndCause::kExpired), "\x08\x02");
  EXPECT_EQ(EncodeEnded(EndCause::kForced), "\x08\x03");
  EXPECT_EQ(EncodeEnded(EndCause::kCancelled), "\x08\x04");
  EXPECT_EQ(EncodeEnded(EndCause::kTimedOut), "\x08\x05");
  EXPECT_EQ(EncodeTokens(300), "\x08\xac\x02");
}

TEST(RecordCodecTest, ValuesThatDoNotParseAreRefused) {
  const std::string good = StoredLease().SerializeAsString();
  ExpectUnreadable("lid-1", good.substr(0, good.size() - 1), "does not parse");
  ExpectUnreadable("eid-1", "\x08", "does not parse");
  ExpectUnreadable("t", "\xff", "does not parse");
}

TEST(RecordCodecTest, ALeaseUnderAnotherIdIsRefused) {
  ExpectUnreadable("lid-2", StoredLease().SerializeAsString(), "lease_id differs");
  ExpectUnreadable("lid-", StoredLease().SerializeAsString(), "lease_id differs");
}

TEST(RecordCodecTest, ALeaseWithoutItsEssentialsIsRefused) {
  ExpectUnreadable("lid-1", "", "lease_id differs");
  storage::v1::LeaseRecord no_key = StoredLease();
  no_key.clear_key();
  ExpectUnreadable("lid-1", no_key.SerializeAsString(), "no key");
  storage::v1::LeaseRecord no_token = StoredLease();
  no_token.clear_fencing_token();
  ExpectUnreadable("lid-1", no_token.SerializeAsString(), "no fencing token");
}

TEST(RecordCodecTest, AnExpireThatNobodyAskedForIsRefused) {
  storage::v1::LeaseRecord stored = StoredLease();
  stored.set_expire_ns(0);
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "expire is out of range");
  stored.set_expire_ns(std::uint64_t{1} << 63);
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "expire is out of range");
  // Added to a moment of the engine's clock, it must not overflow.
  stored.set_expire_ns(std::uint64_t{1} << 62);
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "expire is out of range");
  stored.set_expire_ns((std::uint64_t{1} << 62) - 1);
  StoreContent content;
  EXPECT_TRUE(DecodeRecord("lid-1", stored.SerializeAsString(), content).ok());
  stored.set_expire_ns(5);
  stored.mutable_asked()->set_expire_ns(0);
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "asked for is out of range");
}

TEST(RecordCodecTest, ATokenMarkFromWhichTokensWouldWrapAroundIsRefused) {
  StoreContent content;
  EXPECT_TRUE(DecodeRecord("t", EncodeTokens(std::uint64_t{1} << 63), content).ok());
  ExpectUnreadable("t", EncodeTokens((std::uint64_t{1} << 63) + 1), "token is out of range");
  ExpectUnreadable("t", EncodeTokens(UINT64_MAX), "token is out of range");
}

TEST(RecordCodecTest, AnExpireThatWasNotChangedIsThereOnce) {
  storage::v1::LeaseRecord stored = StoredLease();
  stored.mutable_asked();
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "there twice");
  stored.set_expire_ns(5);
  stored.mutable_asked()->set_expire_ns(5);
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "there twice");
}

TEST(RecordCodecTest, AnUnknownCauseIsRefused) {
  ExpectUnreadable("eid-1", "", "cause is unknown");
  ExpectUnreadable("eid-1", "\x08\x06", "cause is unknown");
}

TEST(RecordCodecTest, AMarkWithoutATokenIsRefused) { ExpectUnreadable("t", "", "no token"); }

TEST(RecordCodecTest, FieldsOfALaterVersionAreRefused) {
  const std::string field_15 = "\x78\x01";
  ExpectUnreadable("lid-1", StoredLease().SerializeAsString() + field_15, "does not know");
  storage::v1::LeaseRecord nested = StoredLease();
  nested.mutable_asked()
      ->GetReflection()
      ->MutableUnknownFields(nested.mutable_asked())
      ->AddVarint(15, 1);
  ExpectUnreadable("lid-1", nested.SerializeAsString(), "does not know");
  ExpectUnreadable("eid-1", EncodeEnded(EndCause::kReleased) + field_15, "does not know");
  ExpectUnreadable("t", EncodeTokens(1) + field_15, "does not know");
}

TEST(RecordCodecTest, KeysOfNoKnownKindAreRefused) {
  for (const std::string key : {"", "l", "e", "tt", "x", "Lid-1"}) {
    ExpectUnreadable(key, StoredLease().SerializeAsString(), "of no known kind");
  }
}

// Messages end up in logs.
TEST(RecordCodecTest, NoMessageHoldsALeaseId) {
  StoreContent content;
  for (const std::string key : {"lsecret-0123456789", "esecret-0123456789", "xsecret-0123456789"}) {
    const absl::Status status = DecodeRecord(key, "\xff", content);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(RecordCodecTest, KeysAreEscapedInMessages) {
  StoreContent content;
  EXPECT_THAT(std::string(DecodeRecord("\n", "", content).message()), HasSubstr("record \"\\n\""));
}

}  // namespace
}  // namespace holdfast
