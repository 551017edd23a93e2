"""Apache with mod_auth_openidc in front of a page: it knows the issuer's URL, a client, and where its own pages are.

Needs apache2 and libapache2-mod-auth-openidc of Debian, and of Python nothing but itself.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from people import Person  # noqa: E402

ISSUER, PORT = os.environ["ISSUER"], os.environ["APACHE_PORT"]
WORK = pathlib.Path(os.environ["OUTPUT"])
DIRECTORY = tempfile.TemporaryDirectory()
FILES = pathlib.Path(DIRECTORY.name)
SITE = f"http://127.0.0.1:{PORT}"

with open(f"{os.environ['CLIENTS']}/apache.json", encoding="utf-8") as file:
    client = json.load(file)

CONFIGURATION = f"""
ServerRoot /usr/lib/apache2
ServerName 127.0.0.1
Listen 127.0.0.1:{PORT}
PidFile {WORK}/pid
ErrorLog {WORK}/error.log
DefaultRuntimeDir {WORK}
Mutex file:{FILES}
User www-data
Group www-data
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authn_core_module modules/mod_authn_core.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_user_module modules/mod_authz_user.so
LoadModule include_module modules/mod_include.so
LoadModule mime_module modules/mod_mime.so
LoadModule dir_module modules/mod_dir.so
LoadModule auth_openidc_module modules/mod_auth_openidc.so
TypesConfig /etc/mime.types
DocumentRoot {FILES}
DirectoryIndex index.html
Options +Includes
AddOutputFilter INCLUDES .html

OIDCProviderMetadataURL {ISSUER}/.well-known/openid-configuration
OIDCClientID {client['client_id']}
OIDCClientSecret {client['client_secret']}
OIDCRedirectURI {SITE}/page/callback
OIDCCryptoPassphrase "of this run alone"
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
OIDCDefaultLoggedOutURL {SITE}/

<Location /page/>
    AuthType openid-connect
    Require claim preferred_username:test
</Location>
"""

# Apache gives up its rights and reads the site as another user.
FILES.chmod(0o755)
(FILES / "page").mkdir()
(FILES / "index.html").write_text("signed out")
(FILES / "page/index.html").write_text('hello <!--#echo var="REMOTE_USER" -->, at <!--#echo var="OIDC_CLAIM_iss" -->')
(WORK / "httpd.conf").write_text(CONFIGURATION)
apache = subprocess.Popen(["/usr/sbin/apache2", "-f", str(WORK / "httpd.conf"), "-D", "FOREGROUND"])
try:
    for _ in range(100):
        try:
            urllib.request.urlopen(SITE, timeout=5)
            break
        except urllib.error.URLError:
            time.sleep(0.1)

    person = Person("test", "test")
    text = person.visit(f"{SITE}/page/")
    assert text == f"hello test, at {ISSUER}", text
    assert person.pressed == ["sign_in", "allow"], person.pressed
    # Apache's own session now.
    assert person.visit(f"{SITE}/page/") == text and len(person.pressed) == 2

    # Sign-out, there and here: the next visit asks for the password again.
    out = urllib.parse.urlencode({"logout": f"{SITE}/"})
    assert person.visit(f"{SITE}/page/callback?{out}") == "signed out"
    assert person.visit(f"{SITE}/page/") == text
    assert person.pressed == ["sign_in", "allow", "sign_in"], person.pressed
finally:
    apache.terminate()
    apache.wait(20)

print("mod-auth-openidc: a page behind sign-in, the user's name, and sign-out there and here")
