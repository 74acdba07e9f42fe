#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The image `desktop` as people run it; docker/test/run builds it and says where
# it is.

use warnings;
use strict;

use Test::More;

use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw/ encode_base64 /;

use Selkies;
use Selkies::WebSocket;

my $image = $ENV{SELKIES_IMAGE} or plan(skip_all => 'docker/test/run calls this');
my @podman = ('podman', split(' ', $ENV{SELKIES_STORES}));
my $t = Selkies->new(x => 0, timeout => 900, no_module => 1);
my %running;

END {
	podman('rm', '-f', '-v', keys %running) if %running;
}

###############################################################################
# containers

# podman(WORD...): what it printed, and in $? how it ended

sub podman {
	my (@words) = @_;

	my $pid = open my $out, '-|';

	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		exec @podman, @words;
	}

	local $/;
	my $text = <$out>;
	close $out;

	return defined $text ? $text : '';
}

my $serial = 0;

# start({ name => value, ... }, options..., \image): a container with these
# variables; it is waited for until it is healthy, or has ended.

sub start {
	my ($env, @options) = @_;

	push @options, \$image unless grep { ref } @options;

	my $c = { name => "selkies-$$-" . ++$serial, env => $env };
	my @free = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 1) } 1 .. 2;

	@$c{qw/ http https /} = map { $_->sockport() } @free;
	close $_ for @free;

	my $http = $env->{CUSTOM_PORT} || 3000;
	my $https = $env->{CUSTOM_HTTPS_PORT} || 3001;

	$running{ $c->{name} } = 1;
	my $said = podman('run', '-d', '--name', $c->{name}, '--shm-size=1g',
		'-p', "127.0.0.1:$c->{http}:$http", '-p', "127.0.0.1:$c->{https}:$https",
		(map { ('-e', "$_=$env->{$_}") } sort keys %$env),
		grep({ !ref } @options), map({ $$_ } grep { ref } @options));

	$c->{began} = clock();
	diag($said) if $?;

	return healthy($c);
}

sub healthy {
	my ($c, $seconds) = @_;

	my $prefix = $c->{env}->{SUBFOLDER} || '';

	$c->{healthy} = wait_for(sub {
		$t->http_get('/health', port => $c->{http}) =~ /^HTTP\/1.1 200/ ? 1
			: inspect($c, '{{.State.Running}}') eq 'true' ? 0 : -1
	}, $seconds || 30);
	$c->{healthy} = 0 if ($c->{healthy} || 0) < 0;
	$c->{seconds} = clock() - $c->{began};

	return $c;
}

sub inspect {
	my ($c, $what) = @_;

	chomp(my $text = podman('inspect', '--format', $what, $c->{name}));

	return $text;
}

sub in {
	my ($c, @words) = @_;

	chomp(my $text = podman('exec', $c->{name}, @words));

	return $text;
}

sub shell { in($_[0], 'sh', '-c', $_[1]) }

sub end {
	my ($c) = @_;

	podman('rm', '-f', '-v', $c->{name});
	delete $running{ $c->{name} };
}

# Processes of a container, seen from outside: { comm, uid, pid, maps }.

sub processes {
	my ($c) = @_;

	my $top = inspect($c, '{{.State.Pid}}');
	my $space = readlink "/proc/$top/ns/pid";
	my @all;

	for my $dir (glob '/proc/[0-9]*') {
		next unless (readlink "$dir/ns/pid" || '') eq $space;

		my %p = (pid => $dir =~ /(\d+)/, uid => (stat $dir)[4]);

		for my $file (qw/ comm cmdline environ maps status /) {
			open my $fh, '<', "$dir/$file" or next;
			local $/;
			$p{$file} = <$fh>;
		}

		chomp $p{comm};
		push @all, \%p if length($p{cmdline} || '');
	}

	return @all;
}

sub named {
	my ($c, $name) = @_;

	return sort { $a->{pid} <=> $b->{pid} }
		grep { $_->{comm} eq $name } processes($c);
}

# Ports that are listened to in a container, and its abstract sockets.

sub listeners {
	my ($c) = @_;

	my $top = inspect($c, '{{.State.Pid}}');
	my %ports;

	for my $file ("/proc/$top/net/tcp", "/proc/$top/net/tcp6") {
		open my $fh, '<', $file or next;
		while (<$fh>) {
			$ports{ hex $1 } = 1 if /^\s*\d+: \w+:(\w{4}) \w+:0000 0A /;
		}
	}

	return join ' ', sort { $a <=> $b } keys %ports;
}

sub abstract {
	my ($c) = @_;

	my $top = inspect($c, '{{.State.Pid}}');

	open my $fh, '<', "/proc/$top/net/unix" or return 'none';
	return scalar grep { /\@\/tmp\/.X11-unix/ } <$fh>;
}

# Memory of all of it, shared pages counted once.

sub pss_mib {
	my ($c) = @_;

	my $kib = 0;

	for my $p (processes($c)) {
		open my $fh, '<', "/proc/$p->{pid}/smaps_rollup" or next;
		while (<$fh>) {
			$kib += $1 if /^Pss:\s+(\d+)/;
		}
	}

	return $kib / 1024;
}

sub client {
	my ($c, %o) = @_;

	return Selkies::WebSocket->controller($t, 1024, 768, port => $c->{http}, %o);
}

# Types into the terminal of the desktop until the file is there.

sub types {
	my ($c, $client, $file) = @_;

	for (1 .. 6) {
		$client->send_text('m,400,300,0,0', 'm,400,300,1,0', 'm,400,300,0,0');
		$client->send_text(map { ('kd,' . ord, 'ku,' . ord) }
			split //, "touch $file");
		$client->send_text('kd,65293', 'ku,65293');

		return 1 if wait_for(sub {
			$client->run_for(0.05);
			shell($c, "test -e $file && echo yes") eq 'yes'
		}, 3);
	}

	return 0;
}

###############################################################################
# one command

my $c = start({ TITLE => 'My desk' });

ok($c->{healthy}, 'healthy with no variable') or diag(podman('logs', $c->{name}));
note(sprintf 'figure: healthy %.2f s after podman returned', $c->{seconds});

ok(wait_for(sub { podman('logs', $c->{name}) =~ /WARNING: no PASSWORD/ }, 10),
	'told that it is open');
like($t->http_get('/', port => $c->{http}), qr/^HTTP\/1.1 200.*<html/s, 'the page');
like($t->http_get('/manifest.json', port => $c->{http}), qr/"name":"My desk"/, 'TITLE');
is(in($c, 'selkies-init', '--health'), '', 'what HEALTHCHECK calls') or diag($?);
is($?, 0, 'is well');

my $client = client($c);

ok($client->{open}, 'a client');
note(sprintf 'figure: first picture %.2f s after podman returned',
	clock() - $c->{began});
ok(types($c, $client, '/config/typed'), 'typing in the terminal works');
is(shell($c, 'stat -c %u /config/typed'), 911, 'as abc');
$client->send_text('START_AUDIO');
ok($client->wait_text(qr/^AUDIO_STARTED$/, 30), 'there is sound');
ok($client->{nframes}, 'and a picture');

is(listeners($c), '3000 3001', 'two listeners');
is(abstract($c), 0, 'no abstract socket of X');
is(scalar(grep { ($_->{maps} || '') =~ /selkies_joystick/ } named($c, 'nginx')), 0,
	'nothing is preloaded into nginx');
is(join(' ', sort grep { !/selkies-init|sleep/ } map { $_->{comm} }
	grep { $_->{uid} == 0 } processes($c)), '', 'nothing but the init runs as root');
is(scalar(grep { $_->{status} !~ /^NoNewPrivs:\s+1/m } grep { $_->{uid} == 911 }
	processes($c)), 0, 'the desktop gains no privileges');

for my $evil ('/files../ssl/cert.key', '/files/../ssl/cert.key',
	'/files/%2e%2e/ssl/cert.key')
{
	unlike($t->http_get($evil, port => $c->{http}), qr/PRIVATE KEY|^HTTP\/1.1 200/,
		"no $evil");
}

$client->close();
select undef, undef, undef, 2;
note(sprintf 'figure: %.0f MiB (PSS) while nobody watches', pss_mib($c));

###############################################################################
# everything comes back

for my $name (qw/ nginx Xvfb pulseaudio openbox selkies-agent selkies-xvfb /) {
	my ($first) = named($c, $name);

	ok($first, "$name runs") or next;

	# nginx starts again at once only where it has lived for some seconds
	wait_for(sub { (stat "/proc/$first->{pid}")[9] < time() - 6 }, 10);
	kill 'KILL', $first->{pid};
	ok(wait_for(sub { !-d "/proc/$first->{pid}" }, 5), 'killed');

	my $again = wait_for(sub { (named($c, $name))[0] }, 20);

	ok($again, 'it is there again');
	healthy($c);
	ok($c->{healthy}, 'healthy');

	$client = client($c);
	ok($client->{open} && $client->{nframes}, 'with a picture');
	$client->close();
}

kill 'KILL', inspect($c, '{{.State.Pid}}');
ok(wait_for(sub { inspect($c, '{{.State.Running}}') eq 'false' }, 10),
	'the container was killed');
podman('start', $c->{name});
$c->{began} = clock();
healthy($c);
ok($c->{healthy}, 'healthy after its next start') or diag(podman('logs', $c->{name}));
note(sprintf 'figure: after %.2f s', $c->{seconds});
$client = client($c);
ok($client->{open} && $client->{nframes}, 'with a picture');
$client->send_text('START_AUDIO');
ok($client->wait_text(qr/^AUDIO_STARTED$/, 30), 'and sound');
$client->close();

my $began = clock();

podman('stop', '-t', '15', $c->{name});
note(sprintf 'figure: stopped in %.1f s', clock() - $began);
is(inspect($c, '{{.State.ExitCode}}'), 0, 'stopped well');
end($c);

###############################################################################
# passwords, subfolders, ports

my $hostile = 'a b\'"$%\\n#|& é`$(touch /tmp/evil)';

$c = start({ PASSWORD => $hostile, CUSTOM_USER => 'eve', SUBFOLDER => 'x',
	CUSTOM_PORT => 30010, CUSTOM_HTTPS_PORT => 3001 });
ok($c->{healthy}, 'healthy with a password, a folder and a port')
	or diag(podman('logs', $c->{name}));
is(listeners($c), '3001 30010', 'the ports that were asked for');

my $auth = 'Authorization: Basic ' . encode_base64("eve:$hostile", '');

like($t->http_get('/x/', port => $c->{http}), qr/^HTTP\/1.1 401/, 'no password: 401');
like($t->http_get('/x/', port => $c->{http}, headers => [ $auth ]),
	qr/^HTTP\/1.1 200/, 'the password');
like($t->http_get('/x', port => $c->{http}), qr/^HTTP\/1.1 30\d.*Location: \/x\/\r/s,
	'a relative redirect');
is(in($c, 'selkies-init', '--health') . $?, '0', 'HEALTHCHECK below a folder');

my @known = grep { index($_->{environ} || '', 'touch /tmp/evil') >= 0 }
	grep { $_->{comm} !~ /selkies-init|podman|conmon/ } processes($c);

is(join(' ', map { $_->{comm} } @known), '', 'no process of the desktop knows it');
is(shell($c, 'test -e /tmp/evil && echo yes'), '', 'and it was not run');

$client = client($c, path => '/x/websockets', auth => "eve:$hostile");
ok($client->{open}, 'a client');
$client->close();
end($c);

my $secret = $t->write_file('secret', "from a file\n");

$c = start({ FILE__PASSWORD => '/run/secrets/password' },
	'-v', "$secret:/run/secrets/password:ro");
like($t->http_get('/', port => $c->{http},
	headers => [ 'Authorization: Basic ' . encode_base64('abc:from a file', '') ]),
	qr/^HTTP\/1.1 200/, 'FILE__PASSWORD') or diag(podman('logs', $c->{name}));
end($c);

for my $bad ([ CUSTOM_PORT => '3001' ], [ PASSWORD => "a\nb" ], [ PUID => 'me' ],
	[ SUBFOLDER => '../x' ], [ SELKIES_FRAMERATE => 'fast' ])
{
	$c = start({ @$bad });
	ok(!$c->{healthy}, "$bad->[0]: refused");
	is(scalar(grep { /$bad->[0]|CUSTOM_HTTPS_PORT/ } split /\n/,
		podman('logs', $c->{name})), 1, 'by one line')
		or diag(podman('logs', $c->{name}));
	end($c);
}

###############################################################################
# other users, no privileges

$c = start({ PUID => 1234, PGID => 2345, UMASK => '027' });
is(shell($c, 'stat -c %u:%g /config'), '1234:2345', 'PUID and PGID');
$client = client($c);
ok(types($c, $client, '/config/typed'), 'typing');
is(shell($c, 'stat -c %u:%g:%a /config/typed'), '1234:2345:640', 'and UMASK');
$client->close();
end($c);

for my $user ('12345:0', '1000:1000') {
	$c = start({}, '--user', $user);
	ok($c->{healthy}, "healthy with --user $user") or diag(podman('logs', $c->{name}));
	$client = client($c);
	ok(types($c, $client, '/tmp/typed'), 'typing');
	$client->send_text('START_AUDIO');
	ok($client->wait_text(qr/^AUDIO_STARTED$/, 30), 'sound');
	is(podman('logs', $c->{name}) =~ /config cannot be written/ ? 1 : 0,
		$user eq '12345:0' ? 0 : 1, 'told if nothing is kept');
	$client->close();
	end($c);
}

$c = start({}, '--user', '911:911', '--read-only', '--cap-drop', 'ALL',
	'--security-opt', 'no-new-privileges', '--tmpfs', '/tmp:mode=1777',
	'--tmpfs', '/run/selkies:mode=1777', '-v', "selkies-$$:/config");
ok($c->{healthy}, 'healthy with a read-only root and no capability')
	or diag(podman('logs', $c->{name}));
$client = client($c);
ok(types($c, $client, '/config/typed'), 'typing');
$client->close();
end($c);
podman('volume', 'rm', "selkies-$$");

###############################################################################
# what images and operators add

my $files = $t->dir() . '/files';

mkdir "$files$_", 0755 for '', qw(/config /config/.config /config/.config/openbox
	/config/ssl /init /services);
$t->write_file('files/config/.config/openbox/autostart',
	"echo \"\$GREETING\" >/config/began\nxterm -name selkies-terminal\n");
$t->write_file('files/init/10-first', "#!/usr/bin/with-contenv bash\n"
	. "id -u >/config/init\nlsiown abc:abc /config/init\n");
$t->write_file('files/services/beside', "#!/usr/bin/with-contenv bash\n"
	. "echo x >>/config/beside\nexec s6-setuidgid abc sleep 1000\n");
system 'chown', '-R', '911:911', "$files/config";

$c = start({ GREETING => 'hello you', PASSWORD => 'p' }, '-v', "$files/config:/config",
	'-v', "$files/init:/custom-cont-init.d:ro",
	'-v', "$files/services:/custom-services.d:ro");
ok($c->{healthy}, 'healthy with a volume of another image')
	or diag(podman('logs', $c->{name}));
ok(wait_for(sub { -s "$files/config/began" }, 10), 'its autostart ran');
is($t->read_file('files/config/began'), "hello you\n", 'with the variables');
is($t->read_file('files/config/init'), "0\n", 'custom-cont-init.d, as root');
ok(wait_for(sub { -s "$files/config/beside" }, 10), 'custom-services.d');
ok(-s "$files/config/ssl/cert.pem", 'the certificate is kept there');
ok(-s "$files/config/.config/openbox/menu.xml", 'a menu was added');
end($c);

###############################################################################
# an image made of three files, in a language

$c = start({ LC_ALL => 'fr_FR.UTF-8' }, \$ENV{SELKIES_FIREFOX});
ok($c->{healthy}, 'the example is healthy') or diag(podman('logs', $c->{name}));
like($t->http_get('/manifest.json', port => $c->{http}), qr/"name":"Firefox"/,
	'has its name');
$client = client($c);
ok($client->wait_pixel(200, 60, 'f0f0f4', 60, 24), 'and shows the browser\'s bar');

# only its own user may look

$t->write_file('language', <<'EOS');
set -- $(tr '\0' '\n' <"/proc/$(pgrep -o firefox)/environ" | grep -E '^(LANG|LOCPATH)=')
printf '%s\n' "$@" | grep '^LANG='
LC_ALL=fr_FR.UTF-8 env "$@" date -d 2026-02-01 +%B
EOS
podman('cp', $t->dir() . '/language', "$c->{name}:/tmp/language");
is(in($c, 's6-setuidgid', 'abc', 'sh', '/tmp/language'),
	"LANG=fr_FR.UTF-8\nf\x{c3}\x{a9}vrier", 'in French, which the image made');
$client->close();
end($c);

done_testing();
