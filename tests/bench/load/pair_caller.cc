#include "tests/bench/load/pair_caller.h"

#include "tests/bench/load/keys.h"

namespace holdfast::bench {

PairCaller::PairCaller(Driver& driver, Window& window, int slot_number)
    : driver_(driver), window_(window) {
  number = slot_number;
  key = KeyOf(slot_number);
  driver.Prepare(*this);
}

void PairCaller::Start() {
  acquiring_ = true;
  lease_id = NextLeaseId();
  started_ = Now();
  driver_.Acquire(*this);
}

void PairCaller::Done(bool ok) {
  if (!ok) {
    window_.Leave(false);
  } else if (acquiring_) {
    acquiring_ = false;
    driver_.Release(*this);
  } else {
    if (window_.open()) latencies_.Add(Microseconds(Now() - started_).count());
    if (window_.over()) {
      window_.Leave(true);
    } else {
      Start();
    }
  }
}

}  // namespace holdfast::bench
