#include "tests/fire/worker.h"

#include <iostream>

namespace holdfast::fire {

void Worker::Report(const std::string& finding) {
  ++findings_;
  std::cerr << "finding: " + finding + "\n";
}

}  // namespace holdfast::fire
