# Everything from outside, found once. CRYPTO.md section 3 says why OpenSSL is linked the way it is.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.5 REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
find_package(Boost 1.81 REQUIRED)            # Asio and Beast, headers only
find_package(CLI11 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(GTest REQUIRED)
find_path(RAPIDCHECK_INCLUDE rapidcheck.h REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)

# Both libraries stand directly in every program, by DT_RPATH: a mixed pair of a private libcrypto and the system's
# libssl can't be loaded.
add_library(holdfast_openssl INTERFACE)
target_link_libraries(holdfast_openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
target_link_options(holdfast_openssl INTERFACE -Wl,--disable-new-dtags -Wl,--no-as-needed)
# A copy of the programs with their libraries in ../lib/holdfast takes these; where they were built, the ones found here.
if(OPENSSL_ROOT_DIR)
  set(CMAKE_BUILD_RPATH "$ORIGIN/../lib/holdfast")
endif()
get_filename_component(HOLDFAST_OPENSSL_LIBRARY_DIR "${OPENSSL_CRYPTO_LIBRARY}" DIRECTORY)
