// Bytes into the check of RocksDB's logs: as they are, and as what becomes of a log
// that was cut off, or of which a byte or some sectors are wrong; of one that ends with its
// last commit, or is laid out with zeros behind it.
//
// Whatever the bytes are, nothing is read that is not there. A log that was cut is
// torn behind its last whole record, and never damaged, or the server would not start
// after a loss of power; a log with a wrong byte is damaged, and never torn, or the
// server would forget what it has acknowledged.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "services/lock/storage/log_check.h"
#include "services/lock/storage/log_record.h"
#include "services/lock/storage/manifest.h"
#include "services/lock/storage/testing/log_writer.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"

namespace holdfast::fuzz {
namespace {

using Kind = LogVerdict::Kind;

constexpr std::size_t kSectorSize = 512;
constexpr std::size_t kMaxRecords = 6;

// Enough for a record across three blocks; every byte costs a checksum or two.
constexpr std::size_t kLongLog = 2 * kLogBlockSize;

// Judges the log where it ends with an allocation, so that whoever reads on is seen.
LogVerdict Check(const std::string& log, std::size_t commits_per_sync = 1, bool laid_out = false) {
  const std::unique_ptr<char[]> copy(new char[log.size()]);
  std::copy(log.begin(), log.end(), copy.get());
  const std::string_view view(copy.get(), log.size());
  const LogVerdict verdict = laid_out ? CheckWriteAheadLog(view) : CheckLog(view, commits_per_sync);
  Require(verdict.whole_size <= log.size(), "the whole part is a part");
  Require((verdict.kind == Kind::kWhole) == verdict.fault.empty(), "a fault is named");
  if (verdict.kind == Kind::kWhole) {
    const bool only_zeros_behind = log.find_first_not_of('\0', verdict.whole_size) == log.npos;
    Require(verdict.whole_size == log.size() || (laid_out && only_zeros_behind),
            "a whole log is whole to its end");
  } else {
    Require(verdict.fault_offset <= log.size() && verdict.fault_offset >= verdict.whole_size,
            "the fault lies behind the whole part");
    Require(verdict.commits_behind < commits_per_sync, "synced commits are not cut off");
    const LogVerdict again = CheckLog({copy.get(), verdict.whole_size});
    Require(again.kind == Kind::kWhole, "the whole part is a whole log");
  }
  (void)LastChangeInTables({copy.get(), verdict.whole_size});
  return verdict;
}

// What the server judges a write-ahead log by. The log is laid out, with zeros up to the
// end of a unit and perhaps some units more.
LogVerdict CheckLaidOut(FuzzInput& input, std::string log) {
  const std::size_t units = log.size() / kLogLayoutUnit + 1 + input.Below(4);
  log.resize(units * kLogLayoutUnit, '\0');
  return Check(log, 1, true);
}

// As commits are: of any bytes, but with another than zero at the end.
std::string Payload(std::size_t size, unsigned seed) {
  std::minstd_rand random(seed + 1);
  std::string payload(size, '\0');
  for (char& byte : payload) byte = static_cast<char>(random() >> 8);
  if (!payload.empty()) payload.back() = static_cast<char>(random() % 255 + 1);
  return payload;
}

// Records of a few bytes, of more than a block, and such as end where a block does.
LogWriter AnyLog(FuzzInput& input) {
  LogWriter writer;
  const std::size_t count = 1 + input.Below(kMaxRecords);
  for (std::size_t i = 0; i < count && writer.log().size() < kLongLog; ++i) {
    std::size_t size = input.Byte();
    switch (input.Below(4)) {
      case 0:
        size = LogBlockRest(writer.log().size()) + size % 32;
        size -= std::min<std::size_t>(size, 2 * kLogHeaderSize + 9);
        break;
      case 1:
        size *= 150;  // Up to more than a block.
        break;
      default:
        break;
    }
    writer.Add(Payload(size, input.Byte()));
  }
  return writer;
}

std::size_t PlaceIn(FuzzInput& input, const std::string& log) {
  // Many places are near the end or near the seams of blocks.
  const std::size_t offset = input.Byte() | std::size_t{input.Byte()} << 8;
  switch (input.Below(3)) {
    case 0:
      return offset % log.size();
    case 1:
      return log.size() - 1 - std::min(offset & 0xff, log.size() - 1);
    default: {
      const std::size_t seam = offset / 64 % 8 * kLogBlockSize + offset % 64;
      return std::min(seam - std::min<std::size_t>(seam, 32), log.size() - 1);
    }
  }
}

void CheckCut(FuzzInput& input, const LogWriter& writer, std::size_t size) {
  const std::string cut = writer.log().substr(0, size);
  for (const LogVerdict& verdict : {Check(cut), CheckLaidOut(input, cut)}) {
    Require(verdict.kind != Kind::kDamaged, "a log that was cut is not damaged", verdict.fault);
    Require(verdict.whole_size == writer.WholeSize(size),
            "it is whole up to its last whole record");
  }
}

// Whether what the sector that holds `place` has of the log behind `synced` reads as
// if it had never been written.
bool LooksUnwritten(const std::string& log, std::size_t place, std::size_t synced) {
  const std::size_t begin = std::max(synced, place / kSectorSize * kSectorSize);
  const std::size_t end = std::min(log.size(), (place / kSectorSize + 1) * kSectorSize);
  return log.find_first_not_of('\0', begin) >= end;
}

void CheckWrongByte(FuzzInput& input, const LogWriter& writer, std::size_t place,
                    std::uint8_t change) {
  std::string log = writer.log();
  log[place] = static_cast<char>(log[place] ^ change);
  for (const LogVerdict& verdict : {Check(log), CheckLaidOut(input, log)}) {
    Require(verdict.kind != Kind::kWhole, "a wrong byte is noticed");
    Require(verdict.whole_size <= writer.WholeSize(place), "it is not in the whole part");
    // A sector with a few bytes of it may look as if it had never been written, and so may
    // a last byte that zeros follow.
    const bool may_be_torn =
        place >= writer.LastBegin() &&
        (LooksUnwritten(log, place, writer.LastBegin()) || log.find_last_not_of('\0') < place);
    Require(verdict.kind == Kind::kDamaged || may_be_torn, "a wrong byte is damage", verdict.fault);
  }
}

// A loss of power, when the file had its length and some of its sectors had not been
// written.
void CheckUnwritten(FuzzInput& input, const LogWriter& writer) {
  std::string log = writer.log();
  const std::size_t unsynced = 1 + input.Below(writer.count());
  const std::size_t begin = writer.LastBegin(unsynced);
  for (std::size_t sector = begin / kSectorSize; sector * kSectorSize < log.size(); ++sector) {
    if (!input.Flag()) continue;
    const std::size_t from = std::max(begin, sector * kSectorSize);
    const std::size_t to = std::min(log.size(), (sector + 1) * kSectorSize);
    std::fill(log.begin() + static_cast<std::ptrdiff_t>(from),
              log.begin() + static_cast<std::ptrdiff_t>(to), '\0');
  }
  if (log == writer.log()) return;
  const LogVerdict verdict = Check(log, unsynced);
  Require(verdict.kind == Kind::kTorn, "the loss of power is a tear", verdict.fault);
  Require(verdict.whole_size >= begin, "what was synced is whole");
  if (unsynced > 1) return;
  const LogVerdict laid_out = CheckLaidOut(input, log);
  Require(laid_out.kind != Kind::kDamaged, "the loss of power is a tear", laid_out.fault);
  Require(laid_out.whole_size == begin, "what was synced is whole, and no more");
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  FuzzInput input(data, size);
  const std::size_t mode = input.Below(5);
  if (mode == 0) {
    const std::string bytes = input.Rest();
    Check(bytes);
    Check(bytes, 1, true);
    return 0;
  }
  const holdfast::LogWriter writer = AnyLog(input);
  const std::string& log = writer.log();
  Require(Check(log).kind == Kind::kWhole, "a log as it is written is whole");
  const holdfast::LogVerdict laid_out = CheckLaidOut(input, log);
  Require(laid_out.kind == Kind::kWhole && laid_out.whole_size == log.size(),
          "and so it is where it is laid out");
  switch (mode) {
    case 1:
      CheckCut(input, writer, PlaceIn(input, log));
      break;
    case 2: {
      const std::size_t place = PlaceIn(input, log);
      const std::uint8_t change = input.Byte();
      if (change != 0) CheckWrongByte(input, writer, place, change);
      break;
    }
    case 3:
      CheckUnwritten(input, writer);
      break;
    default:
      Check(log.substr(0, PlaceIn(input, log)) + input.Rest());
      break;
  }
  return 0;
}
