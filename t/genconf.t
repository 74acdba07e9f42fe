#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The configuration generator: every variable, what it refuses and how, and
# that the real nginx does with the result what was meant.  Where the module
# is not built, nginx reads the file without the module's directives.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Temp qw/ tempdir /;
use IO::Socket::INET;
use MIME::Base64;
use POSIX qw/ WNOHANG /;
use Test::More;
use Time::HiRes qw/ time sleep /;

my $root = abs_path(dirname(__FILE__) . '/..');
my $genconf = "$root/docker/root/usr/lib/selkies/genconf";
my $module = abs_path($ENV{BUILD_DIR} // "$root/build") . '/ngx_http_selkies_module.so';

my $tmp = tempdir('selkies-genconf-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($http, $https) = free_ports();
my $nginx = 'nginx';
my $with_module = -s $module ? 1 : 0;
my $nginx_pid;

$ENV{PATH} .= ':/usr/sbin:/sbin';
delete @ENV{ grep { /^(?:SELKIES_|CUSTOM_)/ } keys %ENV };
delete @ENV{qw/ PASSWORD FILE_MANAGER_PATH SUBFOLDER TITLE MAX_RES DISABLE_IPV6 DRI_NODE
    XCURSOR_SIZE NGINX WATERMARK_PNG WATERMARK_LOCATION /};

END { kill 'KILL', $nginx_pid if $nginx_pid }

if (!$with_module) {
    diag('module not built: nginx reads the files without its directives');
    $nginx = "$tmp/nginx";
    write_file($nginx, "#!$^X\n" . <<'END');
for my $i (1 .. $#ARGV) {
    next if $ARGV[$i - 1] ne '-c';
    open my $in, '<', $ARGV[$i] or die;
    open my $out, '>', "$ARGV[$i].plain" or die;
    while (<$in>) { print $out $_ if !/^(?:load_module| *selkies)/ }
    close $out;
    $ARGV[$i] .= '.plain';
}
exec 'nginx', @ARGV;
END
    chmod 0755, $nginx;
}

###############################################################################

sub free_ports {
    my @sockets = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 1) } 1 .. 2;
    return map { $_->sockport() } @sockets;
}


sub write_file {
    my ($path, $text) = @_;
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $text;
    close $f;
}


sub read_file {
    my ($path) = @_;
    open my $f, '<:raw', $path or return '';
    local $/;
    return <$f> // '';
}


# Runs the generator: (exit code, stdout, stderr).

sub run {
    my ($env, @options) = @_;
    local %ENV = (%ENV, CUSTOM_PORT => $http, CUSTOM_HTTPS_PORT => $https,
        %$env);
    delete @ENV{ grep { !defined $ENV{$_} } keys %ENV };

    my %option = ('-r' => "$tmp/run", '-m' => $module, '-w' => "$root/web",
        '-c' => "$root/conf", '-n' => $nginx);
    while (@options && $options[0] =~ /^-[rmwcn]$/) {
        $option{$options[0]} = $options[1];
        splice @options, 0, 2;
    }

    my $pid = fork();
    if ($pid == 0) {
        open STDOUT, '>', "$tmp/out";
        open STDERR, '>', "$tmp/err";
        exec $genconf, %option, @options;
    }
    waitpid($pid, 0);

    return ($? >> 8, read_file("$tmp/out"), read_file("$tmp/err"));
}


# nginx.conf for an environment that must be accepted.

sub conf {
    my ($env, @options) = @_;
    my ($rc, $out, $err) = run($env, @options, '-d', ':7', '-x', '/tmp/a');
    is($rc, 0, 'accepted') or diag($err);
    return read_file("$tmp/run/nginx.conf");
}


sub refused {
    my ($env, $like, $name) = @_;
    my ($rc, $out, $err) = run($env);
    my @lines = split /\n/, $err;
    ok($rc != 0 && @lines == 1 && $lines[0] =~ $like, $name)
        or diag("code $rc: $err");
}


sub start_nginx {
    my ($conf) = @_;
    stop_nginx() if $nginx_pid;
    unlink "$tmp/run/nginx.pid";

    $nginx_pid = fork();
    if ($nginx_pid == 0) {
        open STDERR, '>', "$tmp/nginx.err";
        exec $nginx, '-e', "$tmp/run/error.log", '-p', "$tmp/run/", '-c',
            "$tmp/run/nginx.conf";
    }

    for (1 .. 500) {
        return 1 if -s "$tmp/run/nginx.pid";
        last if waitpid($nginx_pid, WNOHANG) == $nginx_pid;
        sleep 0.01;
    }

    diag(read_file("$tmp/nginx.err"));
    return 0;
}


sub stop_nginx {
    kill 'TERM', $nginx_pid;
    waitpid($nginx_pid, 0);
    $nginx_pid = undef;
}


sub get {
    my ($path, $login) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$http",
        Timeout => 5) or return "no connection: $!";
    my $auth = defined $login
        ? 'Authorization: Basic ' . encode_base64($login, '') . "\r\n" : '';
    print $s "GET $path HTTP/1.0\r\nHost: outer.example\r\n$auth\r\n";
    local $/;
    return <$s> // '';
}


sub status {
    return (get(@_) =~ m{^HTTP/1\.\d (\d+)})[0] // 0;
}

###############################################################################

# defaults

my ($rc, $out, $err) = run({ CUSTOM_PORT => undef, CUSTOM_HTTPS_PORT => undef },
    '-l');
is($rc, 0, 'empty environment') or diag($err);
is($err, '', 'without a warning');
ok(!-e "$tmp/run/nginx.conf", 'checking leaves no nginx.conf');
is($out, <<END, 'what the launcher is told');
url=http://localhost:3000/
tls_url=https://localhost:3001/
probe_host=127.0.0.1
probe_port=3000
probe_path=/health
open=1
loopback=1
max_res=7680x4320
END

my $conf = conf({}, '-l');

like($conf, qr/^ +listen 127\.0\.0\.1:$http;/m, 'loopback without password');
unlike($conf, qr/listen \*:/, 'and nothing else');
like($conf, qr/listen 127\.0\.0\.1:$https ssl http2;/, 'TLS port');
like($conf, qr/selkies_open on;/, 'open');
like($conf, qr/selkies_display :7;\n +selkies_xauthority "\/tmp\/a";/, 'display');
like($conf, qr/selkies_title "Selkies";/, 'default title');
like($conf, qr/selkies_max_resolution 7680x4320;/, 'default largest size');
like($conf, qr/^worker_processes 2;\n/m, 'two workers');
like($conf, qr/worker_shutdown_timeout 3s;/, 'shutdown time-out');
like($conf, qr/absolute_redirect off;/, 'relative redirects');
like($conf, qr/client_max_body_size 64m;/, 'body size');
unlike($conf, qr/\$request[ "]|\$args.*access/, 'no query string in the log');
is((stat "$tmp/run/nginx.conf")[2] & 07777, 0600, 'private');
is(scalar(grep { /temp_path "\Q$tmp\E\/run\/temp\// } split /\n/, $conf), 5,
    'five temporary paths');
is(() = $conf =~ /^user root root;$/mg, $> == 0 ? 1 : 0, 'user for root only');
unlike(conf({}), qr/127\.0\.0\.1/, 'without -l all addresses');

# ports

$conf = conf({ CUSTOM_PORT => 30010, CUSTOM_HTTPS_PORT => 3001 });
like($conf, qr/listen \*:30010;.*listen \*:3001 ssl/s, '30010 and 3001');
$conf = conf({ CUSTOM_PORT => 3001, CUSTOM_HTTPS_PORT => 3000 });
like($conf, qr/listen \*:3001;.*listen \*:3000 ssl/s, '3001 and 3000');

for my $port ('0', '65536', '-1', 'abc', '3000x', ' 3000', '030', '99999999999999999999') {
    refused({ CUSTOM_PORT => $port }, qr/^selkies: CUSTOM_PORT="\Q$port\E": /,
        "port \"$port\"");
    refused({ CUSTOM_HTTPS_PORT => $port },
        qr/^selkies: CUSTOM_HTTPS_PORT="\Q$port\E": /, "TLS port \"$port\"");
}
refused({ CUSTOM_HTTPS_PORT => $http }, qr/^selkies: CUSTOM_HTTPS_PORT="$http"/,
    'equal ports');
refused({ CUSTOM_PORT => "1\n2" }, qr/^selkies: CUSTOM_PORT="1\?2": /,
    'line break in a value is told in one line');

# addresses

like(conf({ CUSTOM_ADDRESS => '127.0.0.1' }), qr/listen 127\.0\.0\.1:$http;/,
    'IPv4 address');
like(conf({ CUSTOM_ADDRESS => '0.0.0.0' }, '-l'), qr/listen 0\.0\.0\.0:$http;/,
    'every IPv4 address');
like(conf({ CUSTOM_ADDRESS => '*' }, '-l'), qr/listen \*:$http;/, 'star');
like(conf({ CUSTOM_ADDRESS => '127.0.0.1, 127.0.0.2' }),
    qr/listen 127\.0\.0\.1:$http;\n +listen 127\.0\.0\.2:$http;/, 'two');
unlike(conf({ DISABLE_IPV6 => 1 }), qr/\[::/, 'DISABLE_IPV6');

SKIP: {
    skip 'no IPv6 loopback', 2 if read_file('/proc/net/if_inet6') !~ /^0{31}1 /m;
    like(conf({}, '-l'), qr/listen \[::1\]:$http;/, 'IPv6 loopback');
    like(conf({ CUSTOM_ADDRESS => '::1' }), qr/listen \[::1\]:$http;/, '::1');
}

for my $address ('256.1.1.1', '1.2.3', '1.2.3.4.5', '1.2.3.', 'desk', ',',
    '127.0.0.1;', '::1]:80', '1.2.3.4:80', 'unix:/tmp/x')
{
    refused({ CUSTOM_ADDRESS => $address },
        qr/^selkies: CUSTOM_ADDRESS="\Q$address\E": /, "address \"$address\"");
}
refused({ CUSTOM_ADDRESS => '::1', DISABLE_IPV6 => 1 }, qr/DISABLE_IPV6/,
    'IPv6 address with DISABLE_IPV6');
refused({ CUSTOM_ADDRESS => '192.0.2.1' }, qr/^selkies: CUSTOM_ADDRESS.*bind/,
    'address of another machine');

# subfolder

for my $folder ('x', '/x', '/x/', 'x/') {
    $conf = conf({ SUBFOLDER => $folder });
    like($conf, qr{location /x/ \{\n +alias "\Q$root\E/web/";},
        "SUBFOLDER $folder");
}
like(conf({ SUBFOLDER => '/s/desk-1/' }), qr{location /s/desk-1/ }, 'two parts');
like(conf({ SUBFOLDER => '/' }), qr{location / \{\n +root "\Q$root\E/web";},
    'root');
for my $folder ('..', '/a/../b', '/a//b', '.', 'a b', 'ä', 'a;b', 'a{',
    '$x', "a\nb", '/../x', '~ /x')
{
    (my $shown = $folder) =~ s/\n/?/;
    refused({ SUBFOLDER => $folder }, qr/^selkies: SUBFOLDER="\Q$shown\E": /,
        "SUBFOLDER \"$shown\"");
}

# title and size

like(conf({ TITLE => q|Ä "q" 'x' $y \n; }| }),
    qr/selkies_title "Ä \\"q\\" 'x' \$y \\\\n; \}";/, 'title is quoted');
refused({ TITLE => "a\tb" }, qr/^selkies: TITLE="a\?b": /, 'control character');
refused({ TITLE => 'x' x 256 }, qr/^selkies: TITLE=.* 255 bytes/, 'long title');

like(conf({ MAX_RES => '15360x8640' }), qr/selkies_max_resolution 15360x8640;/,
    'MAX_RES');
for my $size ('1920', '1920x', 'x1080', '1920x1080x24', '0x0', '99999x1080',
    '1920X1080', ' 1920x1080', '1920x-1', '100x100', '16385x1080', '1920 1080',
    '01920x1080', 'x')
{
    refused({ MAX_RES => $size }, qr/^selkies: MAX_RES="\Q$size\E": /,
        "size \"$size\"");
}

# passwords: nginx itself says whether they work

for my $password ('secret', 'a b', ' lead', 'trail ', q{a b'"$%\n#|&`}, '%s%n',
    '#x', '$x${y}', '-stdin', '--help', '\\', 'ü€😀', ':x:', 'x' x 72,
    'y' x 256, '*')
{
    ($rc, $out, $err) = run({ PASSWORD => $password, CUSTOM_USER => 'a b' });
    is($rc, 0, "password $password") or diag($err);
    like(read_file("$tmp/run/htpasswd"), qr{^a b:\$6\$[^\$]+\$[^:\n]{86}\n\z},
        'one line of SHA-512');
    $conf = conf({ CUSTOM_USER => 'a b', CUSTOM_ADDRESS => '127.0.0.1' }, '-a');
    unlike($conf, qr/selkies_open/, 'not open');
    ok(start_nginx(), 'nginx starts');
    is(status('/index.html'), 401, 'nobody');
    is(status('/index.html', "a b:$password"), 200, 'right');
    is(status('/index.html', "a b:${password}x"), 401, 'more');
    is(status('/index.html', "abc:$password"), 401, 'other user');
    is(status('/health'), 200, 'health needs none') if $with_module;
}
stop_nginx();

is((stat "$tmp/run/htpasswd")[2] & 07777, 0600, 'htpasswd is private');
unlike($out . $err . $conf . read_file("$tmp/run/error.log"), qr/yyyyy/,
    'password is told nowhere');

refused({ PASSWORD => "a\nb" }, qr/^selkies: PASSWORD: .*line breaks/,
    'line break in a password');
refused({ PASSWORD => "a\r" }, qr/^selkies: PASSWORD: .*line breaks/,
    'carriage return in a password');
refused({ PASSWORD => 'x' x 257 }, qr/^selkies: PASSWORD: 257 bytes/,
    'long password');
refused({ PASSWORD => 'ü' x 129 }, qr/^selkies: PASSWORD: 258 bytes/,
    'bytes count');
refused({ CUSTOM_USER => 'a:b' }, qr/^selkies: CUSTOM_USER="a:b": /,
    'colon in a user name');
refused({ CUSTOM_USER => '#a' }, qr/^selkies: CUSTOM_USER="#a": /,
    'comment for a user name');
refused({ SELKIES_MASTER_TOKEN => 'hush' }, qr/^selkies: SELKIES_MASTER_TOKEN: (?!.*hush)/,
    'tokens are refused, not ignored');

like(conf({ PASSWORD => 'x' }, '-l'), qr/listen \*:/, 'all with a password');
like(conf({ PASSWORD => '' }), qr/selkies_open on;/, 'empty password is none');
ok(!-e "$tmp/run/htpasswd", 'and an older one is removed');

# settings

$conf = conf({ SELKIES_FRAMERATE => '8-60', SELKIES_ENCODER => 'x264enc,jpeg',
    SELKIES_H264_CRF => '20', SELKIES_VIDEO_CRF => '30',
    SELKIES_VIDEO_FULLCOLOR => 'true|locked', SELKIES_FILE_TRANSFERS => '',
    SELKIES_JPEG_QUALITY => '', SELKIES_UI_TITLE => q{a"b\\c $d},
    SELKIES_IDLE => '5s', SELKIES_ALLOWED_ORIGINS => 'https://a.example, b.example' });
like($conf, qr/^ +selkies_framerate "8-60";$/m, 'range');
like($conf, qr/^ +selkies_encoder "x264enc,jpeg";$/m, 'enum');
like($conf, qr/^ +selkies_h264_crf "20";$/m, 'first name wins');
is(() = $conf =~ /selkies_h264_crf/g, 2, 'once a server');
like($conf, qr/^ +selkies_h264_fullcolor "true\|locked";$/m, 'second name');
like($conf, qr/^ +selkies_file_transfers "none";$/m, 'empty list');
unlike($conf, qr/selkies_jpeg_quality/, 'empty is the default');
like($conf, qr/^ +selkies_ui_title "a\\"b\\\\c \$d";$/m, 'string');
like($conf, qr/^ +selkies_idle "5s";$/m, 'idle');
like($conf, qr/^ +selkies_allowed_origins "https:\/\/a\.example" "b\.example";$/m,
    'origins');

refused({ SELKIES_UI_TITLE => "x\ny" }, qr/^selkies: SELKIES_UI_TITLE="x\?y": /,
    'line break in a setting');

($rc, $out, $err) = run({ SELKIES_FRAMRATE => 1, SELKIES_QWERTYUIOP => 2,
    SELKIES_UI_SHOW_LOGO => "true" });
is($rc, 0, 'unknown settings do not stop');
is($err, "selkies: unknown and ignored: SELKIES_FRAMRATE"
    . " (meant SELKIES_FRAMERATE?), SELKIES_QWERTYUIOP\n",
    'they are named in one line') if $err !~ /QWERTYUIOP, SELKIES_FRAMRATE/;
($rc, $out, $err) = run({ TITLE => 'x', SELKIES_IDLE => '5s',
    HOME => "a\nSELKIES_NONSENSE=1" });
is($err, '', 'a line in a value is no variable');

($rc, $out, $err) = run({ SELKIES_COMMAND_ENABLED => 'true' });
like($err, qr/^selkies: SELKIES_COMMAND_ENABLED: stays off/, 'no commands without password');
like(conf({ SELKIES_COMMAND_ENABLED => 'true' }),
    qr/selkies_command_enabled "false\|locked";/, 'they stay off');
like(conf({ SELKIES_COMMAND_ENABLED => 'true', PASSWORD => 'x' }),
    qr/selkies_command_enabled "true";/, 'with a password they may be on');

# programs: words, never a shell's

my %agent = (PASSWORD => 'x');

like(conf({ %agent, SELKIES_APPS => 'Web  browser=firefox --new "a;b=c d; ;'
    . ' Notes=mousepad $HOME;' }),
    qr/^ +selkies_app "Web  browser" "firefox" "--new" "\\"a";\n.*"b" "c" "d";$/m,
    'a program and its arguments');
like(conf({ %agent, SELKIES_APPS => 'x=y z' }), qr/selkies_app "x" "y" "z";/,
    'one program');
unlike(conf({ %agent, SELKIES_APPS => '' }), qr/selkies_app/, 'none');

for my $bad ('firefox', '=x', 'x=', 'x= ', 'a=b;c') {
    ($rc, $out, $err) = run({ SELKIES_APPS => $bad });
    isnt($rc, 0, "SELKIES_APPS=\"$bad\" is refused");
    like($err, qr/^selkies: SELKIES_APPS="/, 'by name');
}

# the list of settings is the table's

my ($list) = read_file("$genconf-settings") =~ /\nsettings='\n(.*?)'/s;
my %known = map { $_ => 1 } split ' ', $list;
my ($enum) = read_file("$root/ngx_selkies_module/selkies_settings.h")
    =~ /typedef enum \{\s+(SELKIES_SET_AUDIO_ENABLED.*?)\n\} selkies_setting_id_t/s;
my %rows = map { lc $_ => 1 } $enum =~ /\bSELKIES_SET_([A-Z0-9_]+)/g;
delete @rows{qw/ mode enable_dual_mode watermark_path watermark_location /};
is_deeply([ sort keys %known ], [ sort keys %rows ],
    'the settings of the table, and no others');

SKIP: {
    skip 'module not built', 2 if !$with_module;

    my %value = (scaling_dpi => 96, encoder => 'jpeg', rate_control_mode => 'cbr',
        audio_bitrate => 64000, file_transfers => 'upload', js_socket_path => '/tmp',
        audio_frame_duration_ms => 10, audio_channels => 2, audio_redundancy_distance => 2,
        h264_crf => 25, h264_paintover_crf => 20,
        video_bitrate => 8, framerate => 30, dri_node => '/dev/dri/renderD128',
        audio_device_name => 'x', ui_title => 'x', manual_width => 800,
        manual_height => 600, cursor_size => 32,
        jpeg_quality => 50, paint_over_jpeg_quality => 90, keyframe_interval => 0,
        h264_paintover_burst_frames => 5, video_min_qp => 0, video_max_qp => 0);
    ($rc, $out, $err) = run({ map { 'SELKIES_' . uc $_ => $value{$_} // 'true' }
        keys %known });
    is($err =~ s/^.*COMMAND_ENABLED.*\n//mr, '', 'every setting is a directive');

    refused({ SELKIES_FRAMERATE => 'fast' }, qr/^selkies: SELKIES_FRAMERATE="fast": /,
        'bad setting is told with its variable');
}

# watermark

my $png = "$tmp/a \"b\" \$c.png";

write_file($png, read_file("$root/web/icon.png"));

$conf = conf({ WATERMARK_PNG => $png });
like($conf, qr/^ +selkies_watermark "\Q$tmp\E\/a \\"b\\" \$c\.png" bottom_right;$/m,
    'watermark, its name quoted');
is(() = $conf =~ /selkies_watermark /g, 2, 'once a server');
unlike(conf({ WATERMARK_LOCATION => 2 }), qr/watermark/, 'a place alone is none');
unlike(conf({ WATERMARK_PNG => '' }), qr/watermark/, 'nor is an empty name');

for my $place (-1 .. 6) {
    my $want = $place < 0 ? 'bottom_right' : $place;

    like(conf({ WATERMARK_PNG => $png, WATERMARK_LOCATION => $place }),
        qr/selkies_watermark ".*" $want;/, "place $place");
}

like(conf({ SELKIES_WATERMARK_PATH => $png, WATERMARK_PNG => '/not/this',
    SELKIES_WATERMARK_LOCATION => 1, WATERMARK_LOCATION => 3 }),
    qr/selkies_watermark ".*c\.png" 1;/, 'the names of Selkies go first');

for my $place ('7', '-2', 'top', '1 ', '01', '1;', "1\n2") {
    (my $shown = $place) =~ s/\n/?/;
    refused({ WATERMARK_PNG => $png, WATERMARK_LOCATION => $place },
        qr/^selkies: WATERMARK_LOCATION="\Q$shown\E": a place is a number/,
        "place \"$shown\"");
}

refused({ SELKIES_WATERMARK_LOCATION => 9 },
    qr/^selkies: SELKIES_WATERMARK_LOCATION="9": /, 'also without a file');
refused({ WATERMARK_PNG => 'mark.png' },
    qr/^selkies: WATERMARK_PNG="mark\.png": must be an absolute path/,
    'a relative name');
refused({ WATERMARK_PNG => "/a\nb" }, qr/^selkies: WATERMARK_PNG="\/a\?b": /,
    'a line break in it');

($rc, $out, $err) = run({ WATERMARK_PNG => '/no/mark.png' });
is($rc, 0, 'a file that is missing does not stop');
is($err, "selkies: WATERMARK_PNG=\"/no/mark.png\": there is no such file,"
    . " and no watermark\n", 'it is told in one line');
($rc, $out, $err) = run({ WATERMARK_PNG => '/no/mark.png' }, '-d', ':7');
is($err, '', 'once');
unlike(read_file("$tmp/run/nginx.conf"), qr/watermark/, 'and left out');

if ($with_module) {
    refused({ WATERMARK_PNG => $genconf },
        qr/^selkies: WATERMARK_PNG="\Q$genconf\E": .*Not a PNG file$/,
        'no PNG');
    refused({ SELKIES_WATERMARK_PATH => $tmp },
        qr/^selkies: SELKIES_WATERMARK_PATH="\Q$tmp\E": /, 'a folder');
}

# certificate

my $text = `openssl x509 -in $tmp/run/ssl/cert.pem -noout -text`;
like($text, qr/ASN1 OID: prime256v1/, 'P-256');
like($text, qr/DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/,
    'names');
is((stat "$tmp/run/ssl/cert.key")[2] & 07777, 0600, 'key is private');
my $before = read_file("$tmp/run/ssl/cert.pem");
conf({});
is(read_file("$tmp/run/ssl/cert.pem"), $before, 'made once');
rename "$tmp/run/ssl/cert.key", "$tmp/key";
refused({}, qr/needs both cert\.pem and cert\.key/, 'half a pair');
rename "$tmp/key", "$tmp/run/ssl/cert.key";

# the files to copy

{
    my $etc = "$tmp/etc";
    mkdir $_ for $etc, "$etc/logs";
    write_file("$etc/$_", read_file("$root/conf/$_"))
        for 'selkies-headers.conf';
    write_file("$etc/mime.types", read_file('/etc/nginx/mime.types'));
    write_file("$etc/selkies.htpasswd", '');

    for my $part ('', 'selkies.conf') {
        my $text = read_file("$root/conf/nginx.conf");
        $text =~ s/modules\/ngx_http_selkies_module\.so/$module/;
        $text =~ s/127\.0\.0\.1:3000/127.0.0.1:$http/;
        my $more = $part && read_file("$root/conf/$part");
        $text =~ s/(?=location \/ )/$more\n/;
        write_file("$etc/nginx.conf", "pid $etc/pid;\n$text");
        $text = `$nginx -t -e stderr -p $etc -c $etc/nginx.conf 2>&1`;
        is($?, 0, "conf/nginx.conf $part") or diag($text);
    }
}

# nothing is written when something is wrong

$conf = conf({});
refused({ CUSTOM_PORT => 'x' }, qr/CUSTOM_PORT/, 'bad');
is(read_file("$tmp/run/nginx.conf"), $conf, 'older file stays');

# directories

($rc, $out, $err) = run({}, '-r', "$tmp/a \"b'c", '-d', ':7');
is($rc, 0, 'blank and quotes in the directory') or diag($err);
($rc, $out, $err) = run({}, '-r', "$tmp/a\$b");
like($err, qr/^selkies: .*nginx cannot use a path with \$/, 'dollar in it');

# what nginx does with it

conf({ SUBFOLDER => 'x', CUSTOM_ADDRESS => '127.0.0.1' });
write_file("$tmp/run/error.log", '');
ok(start_nginx(), 'nginx starts');
like(get('/'), qr{ 302 .*\r\nLocation: /x/\r\n}s, '/ leads to /x/');
like(get('/x?a=b'), qr{ 302 .*\r\nLocation: /x/\?a=b\r\n}s, '/x too');
is(status('/y'), 404, 'other paths');
my $page = get('/x/');
like($page, qr{^HTTP/1\.1 200 }, 'page');
like($page, qr/\r\nCache-Control: no-cache\r\n/, 'revalidated');
like($page, qr/\r\nContent-Security-Policy: default-src 'none';[^\r]+ trusted-types selkies\r\n/,
    'policy');
like($page, qr/\r\nX-Content-Type-Options: nosniff\r\n/, 'no sniffing');
unlike($page, qr/Cross-Origin-Opener-Policy/, 'no opener policy on plain HTTP');
like(get('/x/none'), qr{ 404 .*\r\nX-Content-Type-Options: nosniff}s,
    'headers on errors, too');
like(get('/x/app.js'), qr{\r\nContent-Type: (?:application|text)/javascript\r\n},
    'modules are JavaScript');
is(status('/x../conf/selkies-headers.conf'), 404, 'no way out of the folder');
is(status('/x/../conf/selkies-headers.conf'), 404, 'nor this way');
if ($with_module) {
    is(status('/health'), 200, '/health');
    is(status('/x/health'), 200, '/x/health');
}

my $tls = `curl -s -k -D - -o /dev/null https://127.0.0.1:$https/x/`;
like($tls, qr{^HTTP/2 200 }, 'page over TLS');
like($tls, qr/^cross-origin-opener-policy: same-origin\r$/m, 'opener policy');
stop_nginx();

unlike(read_file("$tmp/run/error.log"), qr/\[(?:alert|emerg|crit)\]/,
    'no alerts');
like(read_file("$tmp/run/access.log"), qr{"GET /x HTTP/1\.0" 302}, 'no query in the log');

done_testing();
