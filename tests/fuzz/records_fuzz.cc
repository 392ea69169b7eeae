// Bytes into the decoder of stored records, and what it lets through into an engine
// that starts on it.
//
// Whatever the bytes are, a record is refused as DATA_LOSS or is one that encodes to
// a record of the same meaning; fields that no version knows are refused; and an
// engine that loads what was decoded can serve it, however odd it is. The same for the
// records of older formats, which encode to those of today.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/unknown_field_set.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/turn.h"
#include "services/lock/storage/record_codec.h"
#include "services/lock/storage/testing/older_database.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_message.h"

namespace holdfast::fuzz {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using std::chrono::days;
using std::chrono::seconds;

constexpr std::size_t kMaxRecords = 4;

// What was decoded, and how often the decoder handed something over.
struct Decoded final : RecordVisitor {
  std::vector<LeaseRecord> leases;
  std::vector<std::pair<std::string, EndCause>> ended;
  std::vector<std::uint64_t> tokens;

  void OnLease(LeaseRecord lease) override { leases.push_back(std::move(lease)); }
  void OnEnded(std::string id, EndCause cause) override { ended.emplace_back(id, cause); }
  void OnReservedTokens(std::uint64_t through) override { tokens.push_back(through); }

  std::size_t size() const { return leases.size() + ended.size() + tokens.size(); }
  bool operator==(const Decoded& other) const {
    return leases == other.leases && ended == other.ended && tokens == other.tokens;
  }
};

struct StoredRecord {
  std::string key;
  std::string value;
};

// As a database holds them: each key once.
using Records = std::map<std::string, std::string>;

// As the decoder for its format does; checks that a refusal hands nothing over.
std::optional<Decoded> Decode(const StoredRecord& record) {
  Decoded decoded;
  const absl::Status status = IsOfOlderFormat(record.key)
                                  ? DecodeOlderRecord(record.key, record.value, decoded)
                                  : DecodeRecord(record.key, record.value, decoded);
  if (status.ok()) {
    Require(decoded.size() == 1, "a record is one thing");
    return decoded;
  }
  Require(absl::IsDataLoss(status), "what cannot be read is a loss of data", status.ToString());
  Require(decoded.size() == 0, "nothing is handed over of what cannot be read");
  return std::nullopt;
}

StoredRecord Encode(const Decoded& decoded) {
  if (!decoded.leases.empty()) {
    const LeaseRecord& lease = decoded.leases.front();
    return {IdStorageKey(lease.spec.lease_id), EncodeLease(lease)};
  }
  if (!decoded.ended.empty()) {
    const auto& [lease_id, cause] = decoded.ended.front();
    return {IdStorageKey(lease_id), EncodeEnded(cause)};
  }
  return {TokenStorageKey(), EncodeTokens(decoded.tokens.front())};
}

// As format 2 had it.
StoredRecord EncodeOlder(const Decoded& decoded) {
  if (!decoded.leases.empty()) {
    const LeaseRecord& lease = decoded.leases.front();
    return {OlderLeaseKey(lease.spec.lease_id), OlderLeaseValue(lease)};
  }
  if (!decoded.ended.empty()) {
    const auto& [lease_id, cause] = decoded.ended.front();
    return {OlderEndedKey(lease_id), OlderEndedValue(cause)};
  }
  return Encode(decoded);
}

// What a message may consist of: the number of its last field, and the messages in it.
struct Shape {
  int last_field = 1;
  std::map<int, const Shape*> messages{};
};

const Shape& ShapeOf(std::string_view storage_key) {
  static const Shape kOneField;
  static const Shape kLease = {.last_field = 10, .messages = {{1, &kOneField}, {4, &kOneField}}};
  static const Shape kId = {.last_field = 2, .messages = {{1, &kLease}}};
  static const Shape kOlderLease = {.last_field = 8, .messages = {{8, &kOneField}}};
  if (storage_key.front() == 'i') return kId;
  return storage_key.front() == 'l' ? kOlderLease : kOneField;
}

bool HasOnly(const Shape& shape, const std::string& value) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(value)) return false;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() > shape.last_field) return false;
    const auto message = shape.messages.find(field.number());
    if (message == shape.messages.end()) continue;
    if (!HasOnly(*message->second, field.length_delimited())) return false;
  }
  return true;
}

void CheckRecord(const StoredRecord& record, const Decoded& decoded) {
  Require(HasOnly(ShapeOf(record.key), record.value), "nothing of a record is overlooked");
  const StoredRecord again = Encode(decoded);
  Require(IsOfOlderFormat(record.key) ? again.key.substr(1) == record.key.substr(1)
                                      : again.key == record.key,
          "a record keeps its storage key");
  const std::optional<Decoded> same = Decode(again);
  Require(same.has_value() && *same == decoded, "what was decoded means the same once encoded");
}

std::optional<Duration> AnyExpire(FuzzInput& input) {
  constexpr std::array<Duration, 5> kSpans = {Duration(1), seconds(10), days(366), days(53'375),
                                              Duration::max()};
  switch (input.Below(3)) {
    case 0:
      return std::nullopt;
    case 1:
      return input.Pick(kSpans);
    default:
      return Duration(std::max<std::int64_t>(1, static_cast<std::int64_t>(input.Number() >> 1)));
  }
}

// A number that is small or any.
std::uint64_t AnyNumber(FuzzInput& input) { return input.Flag() ? input.Number() : input.Byte(); }

// Such as the server writes, but for the limits of the API.
Decoded MadeRecord(FuzzInput& input) {
  Decoded made;
  switch (input.Below(5)) {
    case 0: {
      constexpr std::array<EndCause, 5> kCauses = {EndCause::kReleased, EndCause::kExpired,
                                                   EndCause::kForced, EndCause::kCancelled,
                                                   EndCause::kTimedOut};
      const EndCause cause = input.Pick(kCauses);
      made.ended.emplace_back("e" + input.Text(), cause);
      break;
    }
    case 1:
      made.tokens.push_back(1 + AnyNumber(input) / 2);
      break;
    default: {
      LeaseRecord lease{.spec = {.key = "k" + input.Text(),
                                 .lease_id = "l" + input.Text(),
                                 .owner = input.Text(),
                                 .tags = {},
                                 .expire = AnyExpire(input)},
                        .fencing_token = 1 + AnyNumber(input) / 2,
                        .granted_at = WallTime{static_cast<std::int64_t>(AnyNumber(input))}};
      for (std::size_t tags = input.Below(3); tags > 0; --tags) {
        lease.spec.tags.push_back(input.Text());
      }
      if (input.Flag()) {
        const std::optional<Duration> asked = AnyExpire(input);
        if (asked != lease.spec.expire) lease.asked = AskedExpire{asked};
      }
      if (input.Flag()) lease.principal = Principal(input.Text());
      made.leases.push_back(std::move(lease));
    }
  }
  return made;
}

StoredRecord AnyRecord(FuzzInput& input, bool older) {
  if (input.Below(4) == 0) {
    std::string key = input.Text();
    return {std::move(key), input.Text()};
  }
  const Decoded made = MadeRecord(input);
  StoredRecord record = older ? EncodeOlder(made) : Encode(made);
  record.value = Damaged(input, std::move(record.value));
  return record;
}

// Serves what was decoded, and keeps nothing.
class DecodedStore final : public LockStore {
 public:
  explicit DecodedStore(const Records& records) : records_(records) {}

  absl::Status Load(RecordVisitor& visitor) override {
    for (const auto& [key, value] : records_) {
      const absl::Status status = DecodeRecord(key, value, visitor);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::Status Commit(const RecordBatch& /*batch*/) override { return absl::OkStatus(); }

 private:
  const Records& records_;
};

// Every command that a client of such a lease could send.
std::vector<Command> CommandsFor(const LeaseRecord& lease, Instant now) {
  LeaseSpec spec = lease.spec;
  spec.expire = lease.asked_expire();
  std::vector<CommandBody> bodies = {
      GetCommand{spec.key},
      ListCommand{.filter = {.tags = spec.tags}, .page_size = 10},
      WatchCommand{},
      AcquireCommand{.spec = spec, .received = now},
      AcquireCommand{.spec = {.key = spec.key, .lease_id = "other"}, .received = now},
      AcquireCommand{.spec = {.key = spec.key, .lease_id = "waiter"},
                     .timeout = kNoTimeout,
                     .report_queue = true,
                     .received = now},
      RenewCommand{.key = spec.key, .lease_id = spec.lease_id, .received = now},
  };
  std::vector<Command> commands;
  for (CommandBody& body : bodies) {
    commands.push_back({.call = CallId{commands.size() + 1}, .body = std::move(body)});
  }
  return commands;
}

// A server that starts on these records: it refuses, or serves them.
void Serve(FuzzInput& input, const Records& records) {
  DecodedStore store(records);
  TurnRunner runner(Limits{}, store);
  Now now{.monotonic = Instant(seconds(1) + days(input.Byte() * 16)),
          .wall = WallTime{1'700'000'000'000'000'000}};
  if (const absl::Status status = runner.Load(now); !status.ok()) {
    Require(absl::IsDataLoss(status), "records that cannot be served are a loss of data");
    return;
  }
  Decoded decoded;
  Require(store.Load(decoded).ok(), "what was loaded can be loaded again");
  std::vector<Delivery> deliveries;
  for (const LeaseRecord& lease : decoded.leases) {
    Require(runner.Run(CommandsFor(lease, now.monotonic), now, deliveries).ok(), "it serves");
    runner.Finished(now.monotonic);
    Require(runner.TimeToNextTurn(now.monotonic) >= Duration::zero(), "time does not go back");
  }
  // A day later, and once more when what was held back by that stall may lapse.
  for (const Duration step : {Duration(days(1)), Duration(seconds(1))}) {
    now.monotonic += step;
    Require(runner.Run({}, now, deliveries).ok(), "it serves");
  }
  const Command anew{.call = CallId{1},
                     .body = AcquireCommand{.spec = {.key = "a new one", .lease_id = "anew"},
                                            .received = now.monotonic}};
  deliveries.clear();
  Require(runner.Run({anew}, now, deliveries).ok(), "it serves");
  for (const Delivery& delivery : deliveries) {
    if (const auto* granted = std::get_if<Granted>(&delivery.outcome)) {
      const std::uint64_t token = granted->lease.lease.fencing_token;
      Require(decoded.tokens.empty() || token > decoded.tokens.front(),
              "no token is given out again");
    }
  }
}

// One record of any bytes, if it can be read, as a server of today stores it.
void AddTo(Records& records, FuzzInput& input, bool older) {
  const StoredRecord record = AnyRecord(input, older);
  const std::optional<Decoded> decoded = Decode(record);
  if (!decoded.has_value()) return;
  CheckRecord(record, *decoded);
  const StoredRecord today = IsOfOlderFormat(record.key) ? Encode(*decoded) : record;
  records[today.key] = today.value;
}

void Run(FuzzInput& input) {
  Records records;
  for (std::size_t count = 1 + input.Below(kMaxRecords); count > 0; --count) {
    AddTo(records, input, false);
  }
  if (input.Flag()) {
    // Without it no lease can be loaded: its token would be above the mark.
    records.emplace(TokenStorageKey(), EncodeTokens(std::uint64_t{1} << 62));
  }
  Serve(input, records);

  Records raised;
  AddTo(raised, input, true);
  raised.emplace(TokenStorageKey(), EncodeTokens(std::uint64_t{1} << 62));
  Serve(input, raised);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  static const bool kSilent = (SilenceProtobuf(), true);
  FuzzInput input(data, size);
  if (kSilent) Run(input);
  return 0;
}
