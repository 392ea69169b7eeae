#include "tests/chaos/worker.h"

#include <iostream>

namespace holdfast::chaos {

void Worker::Report(const std::string& finding) {
  ++findings_;
  std::cerr << "finding: " + finding + "\n";
}

}  // namespace holdfast::chaos
