#include <deque>

#include "tests/bench/load/leases.h"
#include "tests/bench/load/measures.h"

namespace holdfast::bench {
namespace {

// Renews every so-manieth of the leases, over and over.
class Renewer final : public Slot {
 public:
  Renewer(Driver& driver, Window& window, const std::vector<KeptLease>& leases, int slot_number,
          int step)
      : driver_(driver),
        window_(window),
        leases_(leases),
        step_(static_cast<std::size_t>(step)),
        lease_(static_cast<std::size_t>(slot_number)) {
    number = slot_number;
    expire = std::chrono::hours(1);
    driver.Prepare(*this);
  }

  void Start() {
    key = leases_[lease_].key;
    lease_id = leases_[lease_].lease_id;
    lease_ += step_;
    if (lease_ >= leases_.size()) lease_ = static_cast<std::size_t>(number);
    started_ = Now();
    driver_.Renew(*this);
  }

  void Done(bool ok) override {
    if (ok && window_.open()) latencies_.Add(Microseconds(Now() - started_).count());
    if (!ok || window_.over()) {
      window_.Leave(ok);
    } else {
      Start();
    }
  }

  const Latencies& latencies() const { return latencies_; }

 private:
  Driver& driver_;
  Window& window_;
  const std::vector<KeptLease>& leases_;
  const std::size_t step_;
  std::size_t lease_;
  SteadyTime started_;
  Latencies latencies_;
};

// Renews all leases of its connection, over and over.
class AllRenewer final : public Slot {
 public:
  AllRenewer(Driver& driver, Window& window) : driver_(driver), window_(window) {
    driver.Prepare(*this);
  }

  void Start() {
    started_ = Now();
    driver_.RenewAll(*this);
  }

  void Done(bool ok) override {
    if (ok && window_.open()) latencies_.Add(Microseconds(Now() - started_).count());
    if (!ok || window_.over()) {
      window_.Leave(ok);
    } else {
      Start();
    }
  }

  Latencies& latencies() { return latencies_; }

 private:
  Driver& driver_;
  Window& window_;
  SteadyTime started_;
  Latencies latencies_;
};

}  // namespace

std::optional<Report> MeasureRenewals(Driver& driver, const MeasureOptions& options) {
  if (!driver.can_renew() || options.leases < options.outstanding) return {};
  const std::vector<KeptLease> leases = AcquireMany(driver, options.leases, options.outstanding,
                                                    [] { return std::chrono::hours(1); });
  if (static_cast<int>(leases.size()) < options.leases) return {};
  Window window(options.outstanding);
  std::deque<Renewer> renewers;
  for (int i = 0; i < options.outstanding; ++i) {
    renewers.emplace_back(driver, window, leases, i, options.outstanding);
  }
  for (Renewer& renewer : renewers) renewer.Start();
  if (!window.Run(options.window)) return {};
  Latencies latencies;
  for (Renewer& renewer : renewers) latencies.Add(renewer.latencies());
  return window.Describe(latencies);
}

std::optional<Report> MeasureRenewAll(Driver& driver, const MeasureOptions& options) {
  if (!driver.can_renew_all()) return {};
  const std::vector<KeptLease> leases = AcquireMany(driver, options.leases, options.outstanding,
                                                    [] { return std::chrono::hours(1); });
  if (static_cast<int>(leases.size()) < options.leases) return {};
  Window window(1);
  AllRenewer renewer(driver, window);
  renewer.Start();
  if (!window.Run(options.window)) return {};
  return window.Describe(renewer.latencies());
}

std::optional<Report> MeasureFill(Driver& driver, const MeasureOptions& options) {
  const SteadyTime begin = Now();
  const std::vector<KeptLease> leases =
      AcquireMany(driver, options.leases, options.outstanding, [&] { return options.expire; });
  if (static_cast<int>(leases.size()) < options.leases) return {};
  return Report{{"rate", options.leases / std::chrono::duration<double>(Now() - begin).count()}};
}

}  // namespace holdfast::bench
