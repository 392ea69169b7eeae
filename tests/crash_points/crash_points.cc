#include "tests/crash_points/crash_points.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>
#include <random>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "services/lock/storage/testing/older_database.h"
#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_model.h"
#include "tests/crash_points/disk_operation.h"
#include "tests/crash_points/recovery.h"
#include "tests/crash_points/store_workload.h"

namespace holdfast {
namespace {

// One fault has a hundred neighbours that say the same.
constexpr std::size_t kEnoughFaults = 3;

// What is shown of a journal in a message.
constexpr std::size_t kShownBefore = 12;
constexpr std::size_t kShownBehind = 3;

// Whether a file that was there before a start may be lost after it: what is in a log
// has become a table, and the others are notes.
bool MayBeLost(std::string_view path) {
  return path == "data/LOCK" || path.starts_with("data/db/OPTIONS-") || path.ends_with(".log");
}

// A process that died may have left things that it had not synced. They are there for
// the next one, which builds on them, so that it has to make sure that they stay, or to
// do away with them. The first one of which it did not, or nothing.
std::string NotDurable(DiskModel disk, const Recovery& recovery) {
  const DiskImage found = disk.Kept();
  for (std::size_t i = recovery.began_at; i < recovery.opened_at; ++i) {
    disk.Apply(recovery.journal[i]);
  }
  const DiskImage durable = disk.Dropped();
  for (const auto& [path, content] : disk.Kept()) {
    if (!found.contains(path) || MayBeLost(path)) continue;
    const auto stays = durable.find(path);
    if (stays != durable.end() && stays->second == content) continue;
    return absl::StrCat("the next start found ", path, " and left it as it is, not durable");
  }
  return "";
}

std::string Excerpt(const DiskJournal& journal, std::size_t position) {
  std::string text;
  const std::size_t end = std::min(journal.size(), position + kShownBehind);
  for (std::size_t i = position - std::min(position, kShownBefore); i < end; ++i) {
    if (i == position) text += "    -- the crash --\n";
    absl::StrAppend(&text, "    ", i, "  ", Describe(journal[i]), "\n");
  }
  return text;
}

class CrashMaker {
 public:
  CrashMaker(std::string folder, const CrashOptions& options)
      : folder_(std::move(folder)),
        options_(options),
        next_second_crash_(options.second_crash_every) {}

  CrashReport Run() {
    std::filesystem::create_directory(folder_);
    run_ = RunWorkload(folder_, {.seed = options_.seed,
                                 .durability = options_.durability,
                                 .starts = options_.starts,
                                 .turns = options_.turns});
    report_.commits = run_.commits.size() - 1;
    if (!run_.status.ok()) {
      AddFault(absl::StrCat("the run itself failed: ", run_.status.ToString()));
      return report_;
    }
    if (TakeDiskImage(folder_) != WholeModel().Kept()) {
      AddFault("the journal does not explain what is on the disk");
      return report_;
    }
    CrashThe(run_.journal, 0, run_.journal.size(), std::nullopt);
    CrashTheRaise();
    std::filesystem::remove_all(folder_);
    return report_;
  }

 private:
  DiskModel WholeModel() const {
    DiskModel disk;
    for (const DiskOperation& operation : run_.journal) disk.Apply(operation);
    return disk;
  }

  bool Enough() const { return report_.faults.size() >= kEnoughFaults; }

  void AddFault(const std::string& text) {
    report_.faults.push_back(absl::StrCat("seed ", options_.seed, ", durability ",
                                          ToString(options_.durability), ", un-synced data ",
                                          ToString(options_.unsynced), ", starts ", options_.starts,
                                          ", turns ", options_.turns, ": ", text));
  }

  // Cuts what the journal tells short after each operation from `first` to `last`.
  // What is expected is `fixed`, or what the run had acknowledged by then.
  void CrashThe(const DiskJournal& journal, std::size_t first, std::size_t last,
                const std::optional<Expectation>& fixed) {
    DiskModel disk;
    for (std::size_t i = 0; i < first; ++i) disk.Apply(journal[i]);
    previous_image_.clear();
    for (std::size_t position = first; !Enough(); ++position) {
      const Expectation expected = fixed.has_value() ? *fixed : ExpectedAt(position);
      const bool changed =
          position == first || !std::holds_alternative<OpenOperation>(journal[position - 1]);
      if (changed) CrashAt(disk, journal, position, expected, fixed.has_value());
      if (position == last) return;
      if (!fixed.has_value() && changed) ++report_.operations;
      disk.Apply(journal[position]);
    }
  }

  // Cuts a start short that raises the format of what an older version would have left
  // of the run. Nothing of it may be lost, even where the run itself was not synced.
  void CrashTheRaise() {
    if (Enough()) return;
    PutDiskImage(WholeModel().Kept(), folder_);
    // Older versions did not know whose a lease was.
    for (auto& [lease_id, lease] : run_.commits.back().content.leases) lease.principal = {};
    MakeOlder(DataPath(folder_), run_.commits.back().content);
    Expectation expected = ExpectedAt(run_.journal.size());
    expected.promise = Promise::kAcknowledged;
    next_second_crash_ = 0;
    CrashTo(TakeDiskImage(folder_), nullptr, {}, 0, expected, false);
  }

  // Crashes with the first `position` operations done.
  void CrashAt(DiskModel& disk, const DiskJournal& journal, std::size_t position,
               const Expectation& expected, bool second) {
    std::mt19937_64 random(options_.seed * 1'000'003 + position);
    const bool process_died = options_.unsynced == Unsynced::kKept;
    CrashTo(ImageOf(disk, random), process_died ? &disk : nullptr, journal, position, expected,
            second);
    const auto* write =
        position < journal.size() ? std::get_if<WriteOperation>(&journal[position]) : nullptr;
    if (!process_died || write == nullptr || write->data.size() < 2) return;
    std::uniform_int_distribution<std::size_t> part(1, write->data.size() - 1);
    CrashTo(disk.KeptWithin(*write, part(random)), nullptr, journal, position, expected, second);
  }

  // `disk` is given if the process has died and the machine goes on.
  void CrashTo(DiskImage image, const DiskModel* disk, const DiskJournal& journal,
               std::size_t position, const Expectation& expected, bool second) {
    if (Enough()) return;
    const bool same = image == previous_image_ &&
                      expected.last_acknowledged == previous_.last_acknowledged &&
                      expected.last_begun == previous_.last_begun;
    if (same) return;
    Recovery recovery = Recover(image, folder_, options_.durability, expected);
    ++report_.recoveries;
    if (second) ++report_.second_recoveries;
    if (recovery.refused) ++report_.refused;
    if (recovery.fault.empty() && !recovery.refused && disk != nullptr) {
      recovery.fault = NotDurable(*disk, recovery);
    }
    if (!recovery.fault.empty()) {
      AddFault(absl::StrCat(recovery.fault, "\n  ", second ? "second crash, " : "", "after ",
                            position, " of ", journal.size(), " operations:\n",
                            Excerpt(journal, position)));
    }
    const std::size_t first_recoveries = report_.recoveries - report_.second_recoveries;
    if (!second && !recovery.refused && first_recoveries >= next_second_crash_) {
      next_second_crash_ = first_recoveries + options_.second_crash_every;
      CrashThe(recovery.journal, recovery.began_at, recovery.opened_at, expected);
    }
    previous_image_ = std::move(image);
    previous_ = expected;
  }

  DiskImage ImageOf(const DiskModel& disk, std::mt19937_64& random) const {
    switch (options_.unsynced) {
      case Unsynced::kKept:
        return disk.Kept();
      case Unsynced::kDropped:
        return disk.Dropped();
      case Unsynced::kTorn:
        return disk.Torn(random);
      case Unsynced::kWithHoles:
        return disk.WithHoles(random);
    }
    return {};
  }

  Expectation ExpectedAt(std::size_t position) const {
    Expectation expected{.commits = &run_.commits};
    if (options_.durability == Durability::kProcess && options_.unsynced != Unsynced::kKept) {
      expected.promise = Promise::kTokens;
    }
    for (std::size_t i = 0; i < run_.commits.size(); ++i) {
      if (run_.commits[i].acknowledged <= position) expected.last_acknowledged = i;
      if (run_.commits[i].begun <= position) expected.last_begun = i;
    }
    return expected;
  }

  const std::string folder_;
  const CrashOptions options_;
  StoreRun run_;
  CrashReport report_;
  std::size_t next_second_crash_;  // The recovery, counted without second ones.

  // What was recovered from last: to recover from the same again would tell nothing.
  DiskImage previous_image_;
  Expectation previous_;
};

}  // namespace

std::string ToString(Unsynced unsynced) {
  switch (unsynced) {
    case Unsynced::kKept:
      return "kept";
    case Unsynced::kDropped:
      return "dropped";
    case Unsynced::kTorn:
      return "torn";
    case Unsynced::kWithHoles:
      return "with holes";
  }
  return "";
}

std::string ToString(Durability durability) {
  return durability == Durability::kSync ? "sync" : "process";
}

CrashReport& CrashReport::operator+=(const CrashReport& other) {
  operations += other.operations;
  commits += other.commits;
  recoveries += other.recoveries;
  second_recoveries += other.second_recoveries;
  refused += other.refused;
  faults.insert(faults.end(), other.faults.begin(), other.faults.end());
  return *this;
}

std::ostream& operator<<(std::ostream& out, const CrashReport& report) {
  for (const std::string& fault : report.faults) out << "FAULT: " << fault << "\n";
  return out << report.operations << " operations, " << report.commits << " commits, "
             << report.recoveries << " recoveries, " << report.second_recoveries
             << " of them from a second crash, " << report.refused << " refused to open, "
             << report.faults.size() << " faults";
}

CrashReport CrashEverywhere(const std::string& folder, const CrashOptions& options) {
  // As the recorder wants it.
  const std::string canonical = std::filesystem::canonical(folder);
  return CrashMaker(canonical + "/crash-points", options).Run();
}

}  // namespace holdfast
