// Tells libFuzzer where it may write when it runs as a test: the corpus of the
// checkout is not to be touched, and an input that breaks something is to be found
// in test.outputs/outputs.zip beside the test's log.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

// libFuzzer keeps pointers to its arguments.
std::vector<std::string>& Added() {
  static std::vector<std::string> added;
  return added;
}

std::vector<char*>& Arguments() {
  static std::vector<char*> arguments;
  return arguments;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* const scratch = std::getenv("TEST_TMPDIR");
  const char* const outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (scratch == nullptr || outputs == nullptr) return 0;

  // libFuzzer writes what it finds to the first folder among its arguments.
  const std::string found = std::string(scratch) + "/found";
  std::filesystem::create_directories(found);
  Added() = {found, "-artifact_prefix=" + std::string(outputs) + "/"};

  Arguments().assign(*argv, *argv + *argc);
  for (std::string& argument : Added()) {
    Arguments().insert(Arguments().begin() + 1, argument.data());
  }
  *argc = static_cast<int>(Arguments().size());
  Arguments().push_back(nullptr);
  *argv = Arguments().data();
  return 0;
}
