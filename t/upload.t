#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Uploads: POST api/upload, in one piece and in slices, and the messages of
# the stock websocket.  Who may, what is refused and how, that an upload which
# ends early leaves nothing, and that it costs no memory and no file of
# nginx's.  What a hostile name can do is t/unit/files.c.

use warnings;
use strict;

use Digest::MD5;
use IO::Select;
use IO::Socket::INET;
use Socket qw/ MSG_NOSIGNAL /;
use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0, workers => 2, timeout => 120);
my $desk = $t->dir() . '/desk';
my $small = $t->dir() . '/small';

mkdir $_ for $desk, $small;
chmod 02775, $desk;

my $mounted = $> == 0
	&& system("mount -t tmpfs -o size=8m none $small 2>/dev/null") == 0;

END { system "umount $small 2>/dev/null" if $mounted }

$t->reserve_display();
$t->simple(location => 'selkies_files %%TESTDIR%%/desk;
		client_max_body_size 4g;',
	listen => 'listen %%PORT_0%%; listen %%PORT_1%% http2;',
	http => 'map $arg_as $as { default controller; viewer viewer; }',
	server => '
	location /small/ { %%SELKIES%% selkies_files %%TESTDIR%%/small;
		client_max_body_size 64m; selkies_upload_reserve 1m; }
	location /brim/ { %%SELKIES%% selkies_files %%TESTDIR%%/small;
		client_max_body_size 64m; selkies_upload_reserve 0; }
	location /full/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_upload_reserve 4096g; }
	location /off/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_file_transfers none; }
	location /slow/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		client_max_body_size 4g; lingering_timeout 60s; lingering_time 60s; }
	location /slow/off/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_file_transfers none; lingering_timeout 60s;
		lingering_time 60s; }
	location /down/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_file_transfers download; }
	location /none/ { %%SELKIES%% }
	location /unset/ { %%SELKIES%% selkies_files off; }
	location /gone/ { %%SELKIES%% selkies_files %%TESTDIR%%/nowhere; }
	location /role/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_role $as; }
	location /tiny/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		client_max_body_size 1k; }
	location /any/ { %%SELKIES%% selkies_files %%TESTDIR%%/desk;
		selkies_allowed_origins https://desk.example; }
	location ~ ^/of/(?<who>\w+)/ { %%SELKIES%% selkies_prefix /of/$who/;
		selkies_files %%TESTDIR%%/$who; }');
$t->run();

my $port = $t->port();

###############################################################################

sub request {
	my ($to, $length, %o) = @_;

	my %headers = ('Host' => "127.0.0.1:$port", 'Connection' => 'close',
		'Content-Type' => 'application/octet-stream',
		'Content-Length' => $length, %{ $o{headers} || {} });

	my $path = $o{path};

	if (defined $path) {
		$path =~ s/([^A-Za-z0-9._~\/-])/sprintf '%%%02X', ord $1/ge
			unless $o{raw};
		$headers{'X-Upload-Path'} = $path;
	}

	if (defined $o{id}) {
		@headers{qw/ X-Upload-Id X-Upload-Offset /} = ($o{id}, $o{offset});
	}

	$headers{'X-Upload-Total'} = $o{total} if defined $o{total};
	$headers{'X-Upload-Final'} = 1 if $o{final};
	$headers{'X-Upload-Folder'} = 1 if $o{folder};
	$headers{'X-Upload-Exists'} = $o{exists};

	return "POST $to HTTP/1.1\r\n" . join('', map { "$_: $headers{$_}\r\n" }
		grep { defined $headers{$_} } sort keys %headers) . "\r\n";
}

# An upload: the status, and the reply.

sub post {
	my ($path, $body, %o) = @_;

	my $response = http($t, request($o{to} || '/api/upload', length $body,
		path => $path, %o) . $body, timeout => 20);

	my ($head, $text) = split /\r\n\r\n/, $response, 2;
	my ($status) = ($head // '') =~ m{^HTTP/1.1 (\d+)};

	return { status => $status // 0, head => $head // '',
		body => $text // '' };
}

# The beginning of one, on a connection that stays.

sub part {
	my ($path, $length, $body, %o) = @_;

	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;

	$s->autoflush(1);
	print $s request($o{to} || '/api/upload', $length, path => $path, %o),
		$body;

	return $s;
}

sub answer {
	my ($s) = @_;
	my $response = '';

	while (IO::Select->new($s)->can_read(10)) {
		last unless sysread $s, $response, 65536, length $response;
	}

	return $response =~ m{^HTTP/1.1 (\d+)} ? $1 : 0;
}

sub slurp { $t->read_file("desk/$_[0]") }

# What is open of a folder in a worker, and what is there, hidden or not.

sub opened {
	my ($folder) = @_;

	return grep { (readlink($_) || '') =~ m{^\Q$folder\E/} }
		map { glob "/proc/$_/fd/*" } $t->workers();
}

sub there {
	my ($folder) = @_;

	my @found = split /\n/, `cd $folder && find . -mindepth 1 | sort`;

	return "@found";
}

###############################################################################
# in one piece

my $r = post('hello.txt', 'hello');

is($r->{status}, 200, 'an upload');
like($r->{head}, qr{^Content-Type: application/json}mi, 'answered in JSON');
is($r->{body}, qq/{"status":"success","bytes":5}\n/, 'with its size');
is(slurp('hello.txt'), 'hello', 'and there it is');
is(sprintf('%o', (stat "$desk/hello.txt")[2] & 07777), '664', 'its mode');

post('hello.txt', 'again');
is(slurp('hello.txt'), 'again', 'it is replaced');

is(post('', 'x')->{status}, 400, 'no name');
is(post(undef, 'x')->{status}, 400, 'no header');
is(post("tree/of \xc3\xbc/a:b.txt", 'deep')->{status}, 200,
	'folders on the way');
is(slurp("tree/of \xc3\xbc/a:b.txt"), 'deep', 'are made');
is(sprintf('%o', (stat "$desk/tree")[2] & 07777), '2775', 'for the group');
is(post('empty', '')->{status}, 200, 'an empty one');
ok(-f "$desk/empty" && -z _, 'is there');
is(post('one/../two', 'x')->{status}, 400, 'dots');
is(post('%2e%2e/x', 'x', raw => 1)->{status}, 400, 'encoded dots');
is(post('%2fetc/x', 'x', raw => 1)->{status}, 400, 'an absolute path');
is(post('a%00b', 'x', raw => 1)->{status}, 400, 'a zero');
is(post('tree', 'x')->{status}, 409, 'a folder of that name');
is(post('hello.txt/x', 'x')->{status}, 409, 'a file in the way');
is(post('x', 'abc', total => 4)->{status}, 400, 'another size');

symlink $t->dir(), "$desk/out";
is(post('out/x', 'x')->{status}, 403, 'a link in the way');
ok(!-e $t->dir() . '/x', 'is not followed');
unlink "$desk/out";

is(post('chunked', "5\r\nhello\r\n3\r\n yo\r\n0\r\n\r\n", headers => {
	'Content-Length' => undef, 'Transfer-Encoding' => 'chunked' })->{status},
	200, 'in chunks');
is(slurp('chunked'), 'hello yo', 'joined');
is(post('chunked2', "5\r\nhello\r\n3\r\n yo\r\n0\r\n\r\n", total => 9,
	headers => { 'Content-Length' => undef,
		'Transfer-Encoding' => 'chunked' })->{status},
	400, 'of another size than was said');

is(there($desk), './chunked ./empty ./hello.txt ./tree ./tree/of ' . "\xc3\xbc"
	. " ./tree/of \xc3\xbc/a:b.txt", 'nothing else was left');

###############################################################################
# who may

for my $row ([ '/off/', 403 ], [ '/down/', 403 ], [ '/none/', 403 ],
	[ '/unset/', 403 ], [ '/gone/', 500 ], [ '/full/', 507 ],
	[ '/tiny/', 413 ])
{
	my ($to, $want) = @$row;
	my $reply = post('no', 'x' x 2000, to => "${to}api/upload");

	is($reply->{status}, $want, "$to: $want");
	like($reply->{body}, qr/^\{"status":"error","message":"[^"]+"\}$/,
		'says why') if $want == 403 || $want == 507;
}

for my $row ([ undef, undef, 200 ], [ "http://127.0.0.1:$port", undef, 200 ],
	[ 'http://evil.example', undef, 403 ], [ 'null', undef, 403 ],
	[ "http://127.0.0.1:1", undef, 403 ], [ undef, 'cross-site', 403 ],
	[ undef, 'same-site', 403 ], [ undef, 'same-origin', 200 ])
{
	my ($origin, $site, $want) = @$row;

	is(post('hello.txt', 'x', headers => { Origin => $origin,
		'Sec-Fetch-Site' => $site })->{status}, $want,
		'Origin ' . ($origin // '-') . ', ' . ($site // '-'));
}

is(post('hello.txt', 'x', to => '/any/api/upload',
	headers => { Origin => 'https://desk.example' })->{status}, 200,
	'a listed origin');
is(post('no', 'x', to => '/role/api/upload?as=viewer')->{status}, 403,
	'who only watches');
is(post('hello.txt', 'x', to => '/role/api/upload')->{status}, 200,
	'who controls');
is(post('no', 'x', headers => { 'Content-Encoding' => 'gzip' })->{status},
	415, 'a compressed body');
is(post('hello.txt', 'x', to => '/of/desk/api/upload')->{status}, 200,
	'a root of variables');
is(post('no', 'x', to => '/of/none/api/upload')->{status}, 500,
	'one that is not there');
like($t->http_get('/api/upload'), qr{^HTTP/1.1 405}, 'GET is not it');
is(post('hello.txt', 'x', to => '/api/upload/')->{status}, 200,
	'a final slash');

ok(!-e "$desk/no", 'what was refused is nowhere');

###############################################################################
# in slices

my $data = join '', map { chr rand 256 } 1 .. 20000;

sub slice {
	my ($path, $from, $to, %o) = @_;

	return post($path, substr($data, $from, $to - $from), id => 'a-1',
		offset => $from, total => length $data,
		final => $to == length $data, %o);
}

for my $n (0 .. 9) {
	$r = slice('new/sliced', 2000 * $n, 2000 * ($n + 1));
	last if $r->{status} != 200;

	if ($n == 0) {
		is($r->{body}, qq/{"status":"success","bytes":2000,/
			. qq/"complete":false}\n/, 'the first slice');
		ok(!-e "$desk/new", 'nothing is seen of it');
	}
}

is($r->{body}, qq/{"status":"success","bytes":20000,"complete":true}\n/,
	'the last one');
is(slurp('new/sliced'), $data, 'as it was sent');
ok(!-e "$desk/.selkies-upload", 'nothing hidden is left');

$r = slice('x', 2000, 4000);
is($r->{status}, 409, 'a slice of nothing');
like($r->{body}, qr/"offset":0\}/, 'begins at 0');
is(slice('x', 0, 2000)->{status}, 200, 'begun');
$r = slice('x', 4000, 6000);
is($r->{status}, 409, 'one is missing');
like($r->{body}, qr/"offset":2000\}/, 'it is told which');
is(slice('x', 2000, 20000)->{status}, 200, 'and goes on');
is(slurp('x'), $data, 'to the end');
is(slice('y', 0, 2000, total => 1000)->{status}, 400, 'beyond its end');
is(slice('y', 0, 2000, final => 1)->{status}, 400, 'final before its end');
is(slice('y', 0, 2000, id => '')->{status}, 400, 'no id');
is(slice('y', 0, 2000, id => 'x' x 200)->{status}, 400, 'too long an id');

# a file that is there

post('report.pdf', 'old');
$r = post('report.pdf', 'new', exists => 'refuse');
is($r->{status}, 409, 'a file that is there');
like($r->{body}, qr/^\{"status":"error","message":"[^"]+","exists":true\}$/,
	'it says so');
is(slurp('report.pdf'), 'old', 'and it stays');
is(post('report.pdf', 'x' x 1e6, exists => 'refuse')->{status}, 409,
	'a large one too');
is(post('fresh.pdf', 'new', exists => 'refuse')->{body},
	qq/{"status":"success","bytes":3}\n/, 'one that is not');
is(post('report.pdf', 'new', exists => 'keep')->{body},
	qq/{"status":"success","bytes":3,"name":"report (1).pdf"}\n/,
	'both are kept');
is(slurp('report (1).pdf') . slurp('report.pdf'), 'newold', 'as they are');
is(post('say "\\".txt', $_, exists => 'keep')->{status}, 200, "kept $_")
	for 1, 2;
$r = post('say "\\".txt', 3, exists => 'keep');
like($r->{body}, qr/"name":"say \\"\\\\\\" \(2\)\.txt"\}/, 'a name in JSON');
is(post('report.pdf', 'new', exists => 'replace')->{status}, 200, 'replaced');
is(slurp('report.pdf'), 'new', 'by word');
is(post('report.pdf', 'x', exists => 'perhaps')->{status}, 400, 'no such word');

# what came while it was sent is asked about at its end, and not sent again

my $s = part('late', 20000, substr($data, 0, 2000), id => 'a-1', offset => 0,
	total => 20000, final => 1, exists => 'refuse');

wait_for { grep { -s == 2000 } glob "$desk/.selkies-upload/*" };
$t->write_file('desk/late', 'came first');
print $s substr $data, 2000;
sysread $s, my $late, 65536;
like($late, qr/"exists":true,"offset":20000\}/, 'it came meanwhile');
like(slice('late', 0, 2000, exists => 'refuse', id => 'b')->{body},
	qr/"exists":true,"offset":0\}/, 'another is told at once');
is(slice('late', 20000, 20000, exists => 'keep')->{body}, qq/{"status":"success",/
	. qq/"bytes":20000,"complete":true,"name":"late (1)"}\n/, 'kept, in the end');
is(slurp('late (1)'), $data, 'all of it');
is(slurp('late'), 'came first', 'beside the other');
ok(!-e "$desk/.selkies-upload", 'nothing hidden is left');

# of one name, at once

$s = part('same', 2, '', exists => 'keep');
wait_for { opened($desk) };
is(post('same', 'x', exists => 'keep')->{status}, 409, 'one at a time');
print $s 'ab';
is(answer($s), 200, 'the first one');

# folders that have nothing in them

$r = post('bare/of all', '', folder => 1);
is($r->{body}, qq/{"status":"success","bytes":0}\n/, 'a folder');
ok(-d "$desk/bare/of all", 'is made');
is(sprintf('%o', (stat _)[2] & 07777), '2775', 'for the group');
is(post('bare', '', folder => 1)->{status}, 200, 'once more');
is(post('report.pdf', '', folder => 1)->{status}, 409, 'a file has its name');
is(post('../bare', '', folder => 1)->{status}, 400, 'not outside');
is(post('bare/x', 'x', folder => 1)->{status}, 400, 'a folder has no bytes');
is(post('no', '', folder => 1, to => '/off/api/upload')->{status}, 403,
	'not where uploads are off');
is(post('no', '', folder => 1, to => '/full/api/upload')->{status}, 507,
	'nor where there is no room');
is(post('no', '', folder => 1, to => '/role/api/upload?as=viewer')->{status},
	403, 'nor for who only watches');
ok(!-e "$desk/no", 'nowhere');

# a worker is killed in the middle of a slice

slice('z', 0, 2000);

$s = part('z', 18000, substr($data, 2000, 3000), id => 'a-1',
	offset => 2000, total => 20000, final => 1);

wait_for { grep { -s == 5000 } glob "$desk/.selkies-upload/*" };
is(slice('z', 5000, 20000)->{status}, 409, 'it is under way');

my ($fd) = opened($desk);
my ($pid) = $fd =~ m{^/proc/(\d+)};
my %before = map { $_ => 1 } $t->workers();

$t->kill_worker($pid);
wait_for { grep { !$before{$_} } $t->workers() };
close $s;

$r = slice('z', 2000, 20000);
like($r->{body}, qr/"offset":5000\}/, 'what came is kept');
is(slice('z', 5000, 20000)->{status}, 200, 'another worker goes on');
is(slurp('z'), $data, 'to the end');

# nobody comes for it

slice('never', 0, 2000);

my ($staged) = glob "$desk/.selkies-upload/*";

is(-s $staged, 2000, 'one waits');
utime time - 100, time - 100, $staged;
%before = map { $_ => 1 } $t->workers();
$t->kill_worker($_) for $t->workers();
wait_for { 2 == grep { !$before{$_} } $t->workers() };
ok(wait_for(sub { !-e "$desk/.selkies-upload" }),
	'a worker that starts sweeps what is old');

###############################################################################
# early ends

for my $row ([ 0, {} ], [ 50, {} ], [ 99, {} ], [ 50, { id => 'i',
	offset => 0, total => 400000, final => 1 } ])
{
	my ($percent, $slice) = @$row;
	my $length = 400000;
	my $was = there($desk);

	$s = part('aborted/file', $length, 'x' x ($length * $percent / 100),
		%$slice);

	ok(wait_for(sub { opened($desk) }), "$percent %: under way");
	is(there($desk) =~ s{\./\.selkies-upload\S* ?}{}gr, $was,
		'nothing is seen of it');
	is(join(' ', glob $t->dir() . '/run/client_body/*'), '',
		'no temporary file of nginx');
	close $s;
	ok(wait_for(sub { !opened($desk) }), "$percent %: ended");

	if (%$slice) {
		like(there($desk), qr{\.selkies-upload/\w+}, 'a slice waits');
		utime 1, 1, glob "$desk/.selkies-upload/*";
		post('hello.txt', 'x', id => 'other', offset => 0, total => 1,
			final => 1);
	}

	is(there($desk), $was, 'nothing is left');
}

###############################################################################
# a few at a time, and one for a file

my @parts = map { part("many/$_", 1000, 'x') } 1 .. 4;

wait_for { opened($desk) == 4 };
$r = post('many/5', 'x');
is($r->{status}, 429, 'the fifth');
like($r->{head}, qr/^Retry-After: 1\r?$/m, 'it may come again');

my $last = pop @parts;
close $last;
wait_for { opened($desk) == 3 };
is(post('many/1', 'x')->{status}, 409, 'the same file');
is(post('many/5', 'x')->{status}, 200, 'room again');

for my $i (0 .. 2) {
	my $p = $parts[$i];

	print $p 'y' x 999;
	is(answer($p), 200, 'the others end');
}

is(slurp('many/1'), 'x' . 'y' x 999, 'whole');

###############################################################################
# a worker that is told to quit does not wait for who was refused

my @refused = (
	part('no', 1e6, 'x' x 1000, to => '/slow/off/api/upload'),
	part('hello.txt', 1e6, 'x' x 1000, to => '/slow/api/upload',
		exists => 'refuse'),
	part('more', undef, "5\r\nhello\r\n", to => '/slow/api/upload', total => 3,
		headers => { 'Transfer-Encoding' => 'chunked' }));

is(join(' ', map { sysread $_, my $reply, 12 or die; substr $reply, 9 }
	@refused), '403 409 400', 'refused in the middle of a body');
my @old = $t->workers();

$t->reload();
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 15), 'their workers are gone');
close $_ for @refused;

###############################################################################
# a full disk

SKIP: {
	skip 'no tmpfs can be mounted', 10 unless $mounted;

	my $other = Selkies::WebSocket->new($t);

	my $to = '/small/api/upload';

	is(post('big', 'x' x 9e6, to => $to)->{status}, 507, 'too large for it');
	is(post('some', 'x' x 5e6, to => $to)->{status}, 200, 'some');
	is(post('more', 'x' x 3e6, to => $to)->{status}, 507,
		'more would touch the reserve');

	# what is said to be small enough and is not

	$to = '/brim/api/upload';
	$r = post('rest', sprintf("%x\r\n", 6e6) . 'x' x 6e6 . "\r\n0\r\n\r\n",
		to => $to, headers => { 'Content-Length' => undef,
			'Transfer-Encoding' => 'chunked' });
	is($r->{status}, 507, 'the disk is full in the middle');
	like($r->{body}, qr/no room/, 'says so');
	is(there($small), './some', 'nothing is left');

	post('rest', 'x' x 1e6, to => $to, id => 'f', offset => 0);
	$r = post('rest', sprintf("%x\r\n", 6e6) . 'x' x 6e6 . "\r\n0\r\n\r\n",
		to => $to, id => 'f', offset => 1e6, headers => {
			'Content-Length' => undef, 'Transfer-Encoding' => 'chunked' });
	is($r->{status}, 507, 'in a slice');
	is(there($small), './some', 'nothing is left');
	is(post('fits', 'x', to => $to)->{status}, 200, 'a small one fits');
	ok($other->round_trip(), 'a client beside it has noticed nothing');
	$other->drop();
}

###############################################################################
# over HTTP/2

SKIP: {
	skip 'no curl that speaks it', 6
		unless `curl --version 2>/dev/null` =~ /HTTP2/;

	my $block = join '', map { chr rand 256 } 1 .. 3 << 20;
	my $file = $t->write_file('over2', $block);
	my @curl = ('curl', '-s', '--http2-prior-knowledge', '-H',
		'Content-Type: application/octet-stream', '--data-binary',
		"\@$file", '-H');
	my $to = 'http://127.0.0.1:' . $t->port(1) . '/api/upload';

	open my $pipe, '-|', @curl, 'X-Upload-Path: two/whole', $to or die;
	is(<$pipe>, qq/{"status":"success","bytes":3145728}\n/, 'over HTTP/2');
	close $pipe;
	is(slurp('two/whole'), $block, 'as it was sent');

	for my $path ('two', 'two/whole/x', '../x', '') {
		open $pipe, '-|', @curl, "X-Upload-Path: $path", $to or die;
		like(<$pipe>, qr/^\{"status":"error","message":"/,
			"a refusal is told behind the body: $path");
		close $pipe;
	}
}

###############################################################################
# hostile names, of pieces that hurt, on one connection

my @pieces = ('..', '../', '/', '//', '.', './', '%2e%2e', '%2E%2e%2f', '..%2f',
	'%00', "\\", "..\\", "\xc0\xae", "\xe0\x80\xae", "\xff", '%0a', '%0d%0a',
	'%', '%4', 'con', 'aux', 'a', 'b', 'way', 'way/', '~', '$HOME', '`id`', ';',
	'*', '?', '.selkies-upload', '.selkies-upload/', 'secret', "\xe2\x80\xae",
	"\xed\xa0\x80", 'etc/passwd', 'n' x 255, 'n' x 256, 'd/' x 30);
my $names = $ENV{SELKIES_SOAK} ? 10_000 : 2_000;
my $beside = $t->dir() . '/beside';
my %answers;

mkdir $_ for $beside, "$desk/hostile";
$t->write_file('beside/secret', 'secret');
symlink $beside, "$desk/hostile/way";
srand 11;

sub around {
	my $dir = $t->dir();

	return join ' ', split /\n/,
		`cd $dir && find . -path ./desk/hostile -prune -o -print | sort`;
}

my $around = around();
my $line = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;

for my $n (1 .. $names) {
	my $name = join '', map { $pieces[rand @pieces] } 0 .. rand 5;
	my $policy = (undef, 'refuse', 'keep')[$n % 3];
	my $folder = $n % 7 == 0;

	$line = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die
		unless $line;
	syswrite $line, request('/api/upload', $folder ? 0 : 1, raw => 1,
		path => "hostile/$name", exists => $policy, folder => $folder,
		headers => { Connection => 'keep-alive' }) . ($folder ? '' : 'x');

	my $reply = '';

	while ($reply !~ /\r\n\r\n.*\}\n$|<\/html>/s) {
		sysread $line, $reply, 65536, length $reply or last;
	}

	$answers{ $reply =~ m{^HTTP/1.1 (\d+)} ? $1 : 'none' }++;
	undef $line if $reply !~ /^Connection: keep-alive/m;
}

note(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
is(join(' ', grep { !/^(?:200|400|403|409)$/ } keys %answers), '',
	"$names hostile names, each has an answer");
cmp_ok($answers{200}, '>', $names / 20, 'some are harmless');
is(there($beside), './secret', 'nothing is beside the folder');
is($t->read_file('beside/secret'), 'secret', 'what is there is as it was');
is(around(), $around, 'nor is anything above it');
ok(!-e "$desk/.selkies-upload", 'nothing hidden is left');
system 'rm', '-rf', "$desk/hostile";

###############################################################################
# the stock websocket

my $ws = Selkies::WebSocket->controller($t, 800, 600, nowait => 1);

$ws->wait_text(qr/^MODE websockets$/);
$ws->wait_text(qr/"file_transfers":\{"value":\["upload","download"\]/)
	or fail('uploads are offered');

$ws->send_text('FILE_UPLOAD_START:d1/a:b.bin:12');
$ws->send_binary("\x01hello ");
$ws->send_binary("\x01again.");
$ws->send_text('FILE_UPLOAD_END:d1/a:b.bin');
$ws->send_text('FILE_UPLOAD_START:d1/empty:0');
$ws->send_binary("\x01");
$ws->send_text('FILE_UPLOAD_END:d1/empty');

ok(wait_for(sub { -e "$desk/d1/empty" }), 'an empty file');
is(slurp('d1/a:b.bin'), 'hello again.', 'one with a colon');

my $chunk = 'c' x 1048575;

$ws->send_text('FILE_UPLOAD_START:d1/big:4194300');
$ws->send_binary("\x01$chunk") for 1 .. 4;
$ws->send_text('FILE_UPLOAD_END:d1/big');
ok(wait_for(sub { (-s "$desk/d1/big" // 0) == 4194300 }), 'four chunks');

# what is not whole, or not allowed

$ws->send_text('FILE_UPLOAD_START:d1/short:9');
$ws->send_binary("\x01x");
$ws->send_text('FILE_UPLOAD_END:d1/short');
$ws->send_text('FILE_UPLOAD_START:d1/long:1');
$ws->send_binary("\x01xxxx");
$ws->send_text('FILE_UPLOAD_END:d1/long');
$ws->send_text('FILE_UPLOAD_START:../up:1');
$ws->send_binary("\x01x");
$ws->send_text('FILE_UPLOAD_END:../up');
$ws->send_text('FILE_UPLOAD_START:d1/error:2');
$ws->send_binary("\x01x");
$ws->send_text('FILE_UPLOAD_ERROR:GENERAL:gone');
$ws->send_binary("\x01x");
$ws->send_text('FILE_UPLOAD_END:d1/error');
$ws->send_text('FILE_UPLOAD_START:d1/first:2');
$ws->send_binary("\x01ab");
$ws->send_text('FILE_UPLOAD_START:d1/second:2');
$ws->send_binary("\x01c");
$ws->send_text('FILE_UPLOAD_START:d1/third:1');
$ws->send_binary("\x01d");
$ws->send_text('FILE_UPLOAD_END:d1/other');
$ws->send_text('FILE_UPLOAD_START:d1/last:1');
$ws->send_binary("\x01e");
$ws->send_text('FILE_UPLOAD_END:d1/last');

ok(wait_for(sub { -e "$desk/d1/last" }), 'the last one');
is(there("$desk/d1"), './a:b.bin ./big ./empty ./first ./last',
	'only what was whole is there');
ok(!-e $t->dir() . '/up', 'nothing beside the root');

# a viewer, and one that goes

my $viewer = Selkies::WebSocket->new($t);

$viewer->send_text('FILE_UPLOAD_START:d1/viewer:1');
$viewer->send_binary("\x01x");
$viewer->send_text('FILE_UPLOAD_END:d1/viewer');
$viewer->round_trip();
ok(!-e "$desk/d1/viewer", 'a viewer has no say');
$viewer->drop();

$ws->send_text('FILE_UPLOAD_START:d1/cut:100');
$ws->send_binary("\x01x");
ok(wait_for(sub { opened($desk) }), 'under way');
$ws->drop();
ok(wait_for(sub { !opened($desk) }), 'gone with its socket');
is(there("$desk/d1"), './a:b.bin ./big ./empty ./first ./last',
	'nothing is left of it');

my $none = Selkies::WebSocket->controller($t, 800, 600, nowait => 1,
	path => '/none/websockets');

ok($none->wait_text(qr/"file_transfers":\{"value":\[\]/),
	'without a folder none are offered');
$none->drop();

###############################################################################
# a large one: no memory, no waiting

my $mib = $ENV{SELKIES_SOAK} ? 2048 : 128;
my $block = join '', map { chr rand 256 } 1 .. 1 << 20;
my $md5 = Digest::MD5->new();

my $watch = Selkies::WebSocket->new($t);
my ($worker) = $t->worker_of($watch);
my @calm = map { round($watch) } 1 .. 20;
my (@busy, %rss);

sub round {
	my ($ws) = @_;
	my $start = now_ms();

	$ws->round_trip();

	return now_ms() - $start;
}

$rss{$_} = $t->rss_bytes($_) for $t->workers();

my $big = part('large', $mib << 20, '');

for my $n (1 .. $mib) {
	my $pos = 0;

	while ($pos < length $block) {
		$pos += syswrite $big, $block, 65536 * 4, $pos;
	}

	$md5->add($block);
	push @busy, round($watch) if $n % 4 == 0;
}

is(answer($big), 200, "$mib MiB");

my $sent = $md5->hexdigest();

open my $file, '<:raw', "$desk/large" or die;
is(Digest::MD5->new()->addfile($file)->hexdigest(), $sent,
	'as they were sent');
close $file;

# and down again

$big = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
print $big "GET /files/large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

my ($head, $piece) = ('', '');

sysread $big, $head, 1, length $head until $head =~ /\r\n\r\n$/;
$md5->add($piece) while sysread $big, $piece, 1 << 20;
is($md5->hexdigest(), $sent, 'and come back');
close $big;

my ($grown) = sort { $b <=> $a }
	map { $t->rss_bytes($_) - $rss{$_} } keys %rss;

SKIP: {
	skip 'memory of a sanitizer', 1 if Selkies::slower() > 1;
	cmp_ok($grown, '<=', 1 << 20, "worker grew by $grown bytes");
}

my $delay = percentile(50, @busy) - percentile(50, @calm);

cmp_ok($delay, '<=', 20 * Selkies::slower(),
	sprintf 'others wait %.2f ms longer', $delay);

$watch->drop();

###############################################################################

unlike($t->error_log(), qr/hello again|a:b\.bin|sliced/,
	'neither names nor contents are logged');

$mounted = system("umount $small") if $mounted;

$t->done();
