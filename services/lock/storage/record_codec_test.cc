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
#include "services/lock/storage/testing/older_database.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

storage::v1::IdRecord StoredLease() {
  storage::v1::IdRecord stored;
  stored.mutable_held()->add_parts()->set_key("orders/7");
  stored.mutable_held()->set_fencing_token(9);
  return stored;
}
storage::v1::LeaseOfFormat2 OlderLease() {
  storage::v1::LeaseOfFormat2 stored;
  stored.set_key("orders/7");
  stored.set_lease_id("id-1");
  stored.set_fencing_token(9);
  return stored;
}

absl::Status Decode(const std::string& key, const std::string& value, RecordVisitor& visitor) {
  return IsOfOlderFormat(key) ? DecodeOlderRecord(key, value, visitor)
                              : DecodeRecord(key, value, visitor);
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
  const absl::Status status = Decode(key, value, content);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(NameOf(key)));
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  EXPECT_EQ(content, StoreContent());
}

LeaseRecord FullLease() {
  LeaseRecord lease;
  lease.spec = {.key = "k",
                .lease_id = "id",
                .owner = "svc@host:1",
                .tags = {"a", "b"},
                .expire = std::chrono::seconds(30)};
  lease.fencing_token = 3;
  lease.granted_at = WallTime{-5};
  lease.asked = AskedExpire{std::chrono::seconds(10)};
  return lease;
}

TEST(RecordCodecTest, GivesBackWhatItWasGiven) {
  StoreContent content;
  ASSERT_TRUE(DecodeRecord(IdStorageKey("id"), EncodeLease(FullLease()), content).ok());
  ASSERT_TRUE(DecodeRecord(IdStorageKey("over"), EncodeEnded(EndCause::kForced), content).ok());
  ASSERT_TRUE(DecodeRecord(TokenStorageKey(), EncodeTokens(77), content).ok());
  StoreContent expected;
  expected.leases = {{"id", FullLease()}};
  expected.ended = {{"over", EndCause::kForced}};
  expected.reserved_tokens = 77;
  EXPECT_EQ(content, expected);
}

TEST(RecordCodecTest, GivesBackWhatLeasesOfSessionsHave) {
  LeaseRecord lease = FullLease();
  lease.spec.bound = true;
  lease.spec.max_hold = std::chrono::hours(2);
  StoreContent content;
  ASSERT_TRUE(DecodeRecord(IdStorageKey("id"), EncodeLease(lease), content).ok());
  EXPECT_EQ(content.leases["id"], lease);
}

TEST(RecordCodecTest, GivesBackWhoAskedForALease) {
  LeaseRecord lease = FullLease();
  lease.principal = Principal("spiffe://example.org/billing");
  StoreContent content;
  ASSERT_TRUE(DecodeRecord(IdStorageKey("id"), EncodeLease(lease), content).ok());
  EXPECT_EQ(content.leases["id"], lease);
  ASSERT_TRUE(DecodeRecord(IdStorageKey("id-1"), StoredLease().SerializeAsString(), content).ok());
  EXPECT_FALSE(content.leases["id-1"].principal.known()) << "as older servers stored it";
  // So such a server can read what is stored of a lease whose principal is not known.
  lease.principal = Principal();
  storage::v1::IdRecord stored;
  ASSERT_TRUE(stored.ParseFromString(EncodeLease(lease)));
  EXPECT_EQ(stored.held().GetReflection()->HasField(
                stored.held(), stored.held().GetDescriptor()->FindFieldByName("principal")),
            false);
}

TEST(RecordCodecTest, ReadsWhatOlderFormatsHadOfIt) {
  StoreContent content;
  for (const std::string& key : {OlderLeaseKey("id"), OlderEndedKey("over")}) {
    EXPECT_TRUE(IsOfOlderFormat(key));
    EXPECT_EQ(DecodeRecord(key, "", content).code(), absl::StatusCode::kDataLoss)
        << "they are not read where they should not be";
  }
  EXPECT_FALSE(IsOfOlderFormat(IdStorageKey("id")));
  EXPECT_FALSE(IsOfOlderFormat(TokenStorageKey()));
  ASSERT_TRUE(DecodeOlderRecord(OlderLeaseKey("id"), OlderLeaseValue(FullLease()), content).ok());
  ASSERT_TRUE(
      DecodeOlderRecord(OlderEndedKey("over"), OlderEndedValue(EndCause::kForced), content).ok());
  StoreContent expected;
  expected.leases = {{"id", FullLease()}};
  expected.ended = {{"over", EndCause::kForced}};
  EXPECT_EQ(content, expected);
}

LeaseRecord SmallLease() {
  LeaseRecord lease;
  lease.spec = {.key = "k",
                .lease_id = "id-1",
                .owner = "o",
                .tags = {"x"},
                .expire = std::chrono::nanoseconds(300)};
  lease.fencing_token = 2;
  lease.granted_at = WallTime{1};
  return lease;
}

// A change of these bytes is a change of the format: raise kFormatVersion.
TEST(RecordCodecTest, WhatIsOnTheDiskStaysReadable) {
  using namespace std::string_literals;
  EXPECT_EQ(IdStorageKey("id-1"), "iid-1");
  EXPECT_EQ(TokenStorageKey(), "t");
  LeaseRecord lease = SmallLease();
  const std::string begin = "\x0a\x03\x0a\x01k\x10\x02\x18\xac\x02"s;
  const std::string end = "\x2a\x01x\x32\x01o\x39\x01\0\0\0\0\0\0\0"s;
  EXPECT_EQ(EncodeLease(lease), "\x0a\x19" + begin + end);
  lease.asked = AskedExpire{std::chrono::nanoseconds(2)};
  EXPECT_EQ(EncodeLease(lease), "\x0a\x1d" + begin + "\x22\x02\x08\x02" + end);
  lease.asked = AskedExpire{};
  EXPECT_EQ(EncodeLease(lease), "\x0a\x1b" + begin + "\x22\0"s + end);
  lease.spec.bound = true;
  lease.spec.max_hold = std::chrono::nanoseconds(300);
  EXPECT_EQ(EncodeLease(lease), "\x0a\x20" + begin + "\x22\0"s + end + "\x48\x01\x50\xac\x02");
  EXPECT_EQ(EncodeEnded(EndCause::kReleased), "\x10\x01");
  EXPECT_EQ(EncodeEnded(EndCause::kExpired), "\x10\x02");
  EXPECT_EQ(EncodeEnded(EndCause::kForced), "\x10\x03");
  EXPECT_EQ(EncodeEnded(EndCause::kCancelled), "\x10\x04");
  EXPECT_EQ(EncodeEnded(EndCause::kTimedOut), "\x10\x05");
  EXPECT_EQ(EncodeTokens(300), "\x08\xac\x02");
}

TEST(RecordCodecTest, WhatOlderFormatsHaveWrittenStaysReadable) {
  using namespace std::string_literals;
  const std::string written = "\x0a\x01k\x12\x04id-1\x18\x02\x20\xac\x02\x2a\x01x\x32\x01o\x38\x01";
  StoreContent content;
  ASSERT_TRUE(DecodeOlderRecord("lid-1", written, content).ok());
  EXPECT_EQ(content.leases["id-1"], SmallLease());
  content.leases.clear();
  ASSERT_TRUE(DecodeOlderRecord("lid-1", written + "\x42\0"s, content).ok());
  EXPECT_EQ(content.leases["id-1"].asked, AskedExpire{});
  for (int cause = 0; cause < 5; ++cause) {
    const std::string id(1, static_cast<char>('a' + cause));
    ASSERT_TRUE(
        DecodeOlderRecord("e" + id, "\x08" + std::string(1, static_cast<char>(cause + 1)), content)
            .ok());
    EXPECT_EQ(content.ended[id], static_cast<EndCause>(cause));
  }
}

TEST(RecordCodecTest, ValuesThatDoNotParseAreRefused) {
  const std::string good = StoredLease().SerializeAsString();
  ExpectUnreadable("iid-1", good.substr(0, good.size() - 1), "does not parse");
  ExpectUnreadable("iid-1", "\x10", "does not parse");
  ExpectUnreadable("t", "\xff", "does not parse");
  ExpectUnreadable("lid-1", "\xff", "does not parse");
  ExpectUnreadable("eid-1", "\x08", "does not parse");
}

TEST(RecordCodecTest, AnIdThatIsNeitherHeldNorEndedIsRefused) {
  ExpectUnreadable("iid-1", "", "neither held nor ended");
}

TEST(RecordCodecTest, ALeaseWithoutItsEssentialsIsRefused) {
  storage::v1::IdRecord stored = StoredLease();
  stored.mutable_held()->mutable_parts(0)->clear_key();
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "no key");
  stored.mutable_held()->clear_parts();
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "no key");
  stored = StoredLease();
  stored.mutable_held()->clear_fencing_token();
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "no fencing token");
  stored.mutable_held()->Clear();
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "no key");
}

TEST(RecordCodecTest, AnOlderLeaseWithoutItsEssentialsIsRefused) {
  ExpectUnreadable("lid-2", OlderLease().SerializeAsString(), "lease_id differs");
  ExpectUnreadable("lid-1", "", "lease_id differs");
  storage::v1::LeaseOfFormat2 stored = OlderLease();
  stored.clear_key();
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "no key");
  stored = OlderLease();
  stored.clear_fencing_token();
  ExpectUnreadable("lid-1", stored.SerializeAsString(), "no fencing token");
}

TEST(RecordCodecTest, AnExpireThatNobodyAskedForIsRefused) {
  storage::v1::IdRecord stored = StoredLease();
  storage::v1::Lease& lease = *stored.mutable_held();
  lease.set_expire_ns(0);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "expire is out of range");
  lease.set_expire_ns(std::uint64_t{1} << 63);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "expire is out of range");
  // Added to a moment of the engine's clock, it must not overflow.
  lease.set_expire_ns(std::uint64_t{1} << 62);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "expire is out of range");
  lease.set_expire_ns((std::uint64_t{1} << 62) - 1);
  StoreContent content;
  EXPECT_TRUE(DecodeRecord("iid-1", stored.SerializeAsString(), content).ok());
  lease.set_expire_ns(5);
  lease.mutable_asked()->set_expire_ns(0);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "original expire is out of range");
  lease.mutable_asked()->set_expire_ns(6);
  lease.set_max_hold_ns(0);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "max_hold is out of range");
  lease.set_max_hold_ns(std::uint64_t{1} << 62);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "max_hold is out of range");
  lease.clear_max_hold_ns();
  lease.set_bound(false);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "that it is not bound is stored");
}

TEST(RecordCodecTest, ATokenMarkFromWhichTokensWouldWrapAroundIsRefused) {
  StoreContent content;
  EXPECT_TRUE(DecodeRecord("t", EncodeTokens(std::uint64_t{1} << 63), content).ok());
  ExpectUnreadable("t", EncodeTokens((std::uint64_t{1} << 63) + 1), "token is out of range");
  ExpectUnreadable("t", EncodeTokens(UINT64_MAX), "token is out of range");
}

TEST(RecordCodecTest, AnExpireThatWasNotChangedIsThereOnce) {
  storage::v1::IdRecord stored = StoredLease();
  stored.mutable_held()->mutable_asked();
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "stored twice");
  stored.mutable_held()->set_expire_ns(5);
  stored.mutable_held()->mutable_asked()->set_expire_ns(5);
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "stored twice");
}

TEST(RecordCodecTest, AnUnknownCauseIsRefused) {
  for (const char* key : {"iid-1", "eid-1"}) {
    const std::string tag = key[0] == 'i' ? "\x10" : "\x08";
    ExpectUnreadable(key, tag + '\0', "cause is unknown");
    ExpectUnreadable(key, tag + "\x06", "cause is unknown");
  }
}

TEST(RecordCodecTest, AMarkWithoutATokenIsRefused) { ExpectUnreadable("t", "", "no token"); }

// There is room for more, in every message, because whoever does not know it refuses it.
template <typename Stored>
void ExpectNoFurtherField(const std::string& key, const Stored& good,
                          google::protobuf::Message& (*message_in)(Stored&)) {
  StoreContent content;
  ASSERT_TRUE(Decode(key, good.SerializeAsString(), content).ok()) << key;
  for (const int number : {2, 3, 4, 8, 9, 10, 11, 12, 15, 1000}) {
    Stored stored = good;
    google::protobuf::Message& message = message_in(stored);
    if (message.GetDescriptor()->FindFieldByNumber(number) != nullptr) continue;
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(number, 1);
    ExpectUnreadable(key, stored.SerializeAsString(), "does not know");
  }
}

TEST(RecordCodecTest, FieldsOfALaterVersionAreRefused) {
  using google::protobuf::Message;
  using storage::v1::IdRecord;
  IdRecord lease = StoredLease();
  lease.mutable_held()->mutable_asked()->set_expire_ns(5);
  ExpectNoFurtherField<IdRecord>("iid-1", lease, [](IdRecord& r) -> Message& { return r; });
  ExpectNoFurtherField<IdRecord>("iid-1", lease,
                                 [](IdRecord& r) -> Message& { return *r.mutable_held(); });
  ExpectNoFurtherField<IdRecord>(
      "iid-1", lease, [](IdRecord& r) -> Message& { return *r.mutable_held()->mutable_parts(0); });
  ExpectNoFurtherField<IdRecord>(
      "iid-1", lease, [](IdRecord& r) -> Message& { return *r.mutable_held()->mutable_asked(); });
  IdRecord ended;
  ended.set_ended(storage::v1::RELEASED);
  ExpectNoFurtherField<IdRecord>("iid-1", ended, [](IdRecord& r) -> Message& { return r; });
  const std::string field_15 = "\x78\x01";
  ExpectUnreadable("t", EncodeTokens(1) + field_15, "does not know");
  ExpectUnreadable("lid-1", OlderLease().SerializeAsString() + field_15, "does not know");
  ExpectUnreadable("eid-1", OlderEndedValue(EndCause::kReleased) + field_15, "does not know");
}

TEST(RecordCodecTest, ALeaseOnSeveralKeysIsRefused) {
  storage::v1::IdRecord stored = StoredLease();
  stored.mutable_held()->add_parts()->set_key("orders/8");
  ExpectUnreadable("iid-1", stored.SerializeAsString(), "several keys");
}

TEST(RecordCodecTest, KeysOfNoKnownKindAreRefused) {
  for (const std::string key : {"", "i", "l", "e", "tt", "x", "Iid-1"}) {
    ExpectUnreadable(key, StoredLease().SerializeAsString(), "storage key is unknown");
  }
}

// Messages end up in logs.
TEST(RecordCodecTest, NoMessageHoldsALeaseId) {
  StoreContent content;
  for (const std::string key :
       {"isecret-0123456789", "lsecret-0123456789", "esecret-0123456789", "xsecret-0123456789"}) {
    const absl::Status status = Decode(key, "\xff", content);
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
