package Selkies;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The harness of t/*.t, in the manner of nginx's own tests: a directory, an X
# server, nginx with the module and what a test wants to know of them.  done()
# stops everything and asserts that no alert, no sanitizer line, no process
# and no socket of X stayed behind.
#
# TEST_NGINX_BINARY, TEST_SELKIES_MODULE   what to test; a module "none" is
#                                          linked into the binary
# BUILD_DIR                                where the programs are
# TEST_SELKIES_SANITIZE=asan|tsan|ubsan    nginx runs with that library loaded;
#                      =built              the binary has its own
# TEST_SELKIES_LEAVE=1                     keeps the directory
# TEST_SELKIES_DEBUG=1                     nginx logs at debug
# TEST_SELKIES_CORE=1                      a worker that crashes leaves a core
#                                          in that directory

use strict;
use warnings;

use base qw/ Exporter Selkies::Figures /;

our @EXPORT = qw/ http http_get clock now_ms port wait_for monotonic_us
                  percentile slower /;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Path qw/ remove_tree make_path /;
use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use POSIX qw/ :sys_wait_h /;
use Test::More ();
use Time::HiRes qw/ clock_gettime CLOCK_MONOTONIC sleep time /;

use Selkies::HTTP;

my $ROOT = abs_path(dirname(__FILE__) . '/../..');
my $BUILD = $ENV{BUILD_DIR} || "$ROOT/build";
my $NGINX = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $MODULE = $ENV{TEST_SELKIES_MODULE} || "$BUILD/ngx_http_selkies_module.so";
my $SANITIZE = $ENV{TEST_SELKIES_SANITIZE} || '';

my $LOAD = $MODULE eq 'none' ? '' : "load_module $MODULE;";

my %LIBRARY = (built => '', asan => 'libasan.so', tsan => 'libtsan.so',
	ubsan => 'libubsan.so');

my $PID = $$;
my @live;

###############################################################################

# How much longer things may take under a sanitizer.

sub slower() {
	return $SANITIZE eq '' ? 1 : $SANITIZE eq 'ubsan' ? 2 : 4;
}

sub monotonic_us() {
	return int(clock_gettime(CLOCK_MONOTONIC) * 1e6);
}

sub now_ms() {
	return clock_gettime(CLOCK_MONOTONIC) * 1000;
}

sub clock() {
	return clock_gettime(CLOCK_MONOTONIC);
}

sub percentile {
	my ($p, @values) = @_;

	return undef unless @values;

	@values = sort { $a <=> $b } @values;

	my $i = int($p / 100 * @values);

	return $values[$i > $#values ? $#values : $i];
}

# Polls a condition that no descriptor announces; its value, or undef.

sub wait_for(&;$) {
	my ($condition, $timeout) = @_;
	my $deadline = clock() + ($timeout || 5) * slower();

	for ( ;; ) {
		my $value = $condition->();
		return $value if $value;
		return undef if clock() > $deadline;
		select undef, undef, undef, 0.01;
	}
}

###############################################################################

# new(x => '1920x1080' or 0, workers => n, timeout => seconds for the file,
# user => of the workers, where root runs the test)

sub new {
	my ($class, %o) = @_;

	my $self = bless {
		x => defined $o{x} ? $o{x} : '1920x1080',
		workers => $o{workers} || 1,
		user => $o{user} || 'root',
		dir => tempdir('selkies-XXXXXXXX', TMPDIR => 1),
		ports => [],
		killed => {},
		expected => [],
		children => [],
	}, $class;

	Test::More::plan(skip_all => "no $NGINX") unless -x $NGINX;
	Test::More::plan(skip_all => "no module at $MODULE")
		unless $LOAD eq '' || -f $MODULE || $o{no_module};

	chmod 0755, $self->{dir};
	make_path("$self->{dir}/$_") for qw/ logs html run /;

	push @live, $self;

	$SIG{PIPE} = 'IGNORE';
	$SIG{INT} = $SIG{TERM} = sub { exit 1 };
	$SIG{ALRM} = sub { die "test timed out\n" };
	alarm(($o{timeout} || 60) * slower());

	$self->start_x() if $self->{x};

	return $self;
}

sub dir { $_[0]->{dir} }
sub root { $ROOT }
sub build { $BUILD }

# The n-th port of this test: bound once to find a free one.

sub port {
	my ($self, $n) = @_;

	$n ||= 0;

	while (@{ $self->{ports} } <= $n) {
		my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
			LocalPort => 0, Proto => 'tcp', Listen => 1)
			or die "no free port: $!\n";

		push @{ $self->{ports} }, $s->sockport();
		push @{ $self->{reserved} }, $s;
	}

	return $self->{ports}[$n];
}

sub write_file {
	my ($self, $name, $content) = @_;

	open my $fh, '>', "$self->{dir}/$name" or die "$name: $!\n";
	binmode $fh;
	print $fh $content;
	close $fh;

	return "$self->{dir}/$name";
}

sub read_file {
	my ($self, $name) = @_;

	open my $fh, '<', $name =~ m!^/! ? $name : "$self->{dir}/$name"
		or return '';
	binmode $fh;
	local $/;

	my $content = <$fh>;

	return defined $content ? $content : '';
}

###############################################################################
# X

# One FamilyWild record opens every display number (platform.md 4.1).

sub write_cookie {
	my ($self, $name) = @_;

	open my $random, '<', '/dev/urandom' or die "urandom: $!\n";
	read $random, my $cookie, 16;

	return $self->write_file($name, pack('n n n', 0xffff, 0, 0)
		. pack('n/a* n/a*', 'MIT-MAGIC-COOKIE-1', $cookie));
}

sub start_x {
	my ($self, %o) = @_;

	$self->{xauth} ||= $self->write_cookie('xauth');

	my $size = $o{size} || $self->{x};

	pipe my $r, my $w or die "pipe: $!\n";

	my $pid = $self->spawn(sub {
		close $r;
		fcntl $w, 2, 0;
		open STDOUT, '>>', "$self->{dir}/logs/xvfb.log";
		open STDERR, '>&', \*STDOUT;
		exec 'Xvfb', $o{number} ? ":$o{number}" : (), '-displayfd',
			fileno $w, '-screen', 0, "${size}x24", '-dpi', 96,
			'-nolisten', 'tcp', '-auth', $self->{xauth}, '-noreset',
			'-s', 0, @{ $o{args} || [] };
	});

	close $w;

	my $number = '';

	while ($number !~ /\n/) {
		IO::Select->new($r)->can_read(20) or die "Xvfb is not ready\n";
		sysread $r, $number, 16, length $number
			or die "Xvfb ended: " . $self->read_file('logs/xvfb.log');
	}

	chomp $number;

	$self->{x_pid} = $pid;
	$self->{number} = $number;
	$self->{x_socket} = $self->x_socket();
	$self->{display} = ":$number";

	return $self;
}

# Which file the X server's socket is.  An inode alone is given to another one
# as soon as it is free; no two have the time of change, too.

sub x_socket {
	my ($self) = @_;

	my @stat = Time::HiRes::stat("/tmp/.X11-unix/X$self->{number}");

	return @stat ? join(' ', @stat[0, 1, 10]) : '';
}

# A number for an X server that does not run yet.

sub reserve_display {
	my ($self) = @_;

	for my $n (map { 300 + ($$ * 7 + $_) % 50000 } 0 .. 99) {
		next if -e "/tmp/.X11-unix/X$n" || -e "/tmp/.X$n-lock";

		$self->{xauth} ||= $self->write_cookie('xauth');
		$self->{number} = $n;
		$self->{display} = ":$n";

		return $n;
	}

	die "no free display\n";
}

sub display { $_[0]->{display} }
sub x_pid { $_[0]->{x_pid} }

sub stop_x {
	my ($self, $signal) = @_;

	my $pid = delete $self->{x_pid} or return;

	kill $signal || 'TERM', $pid;
	$self->reap($pid, 5) or kill 'KILL', $pid;

	# an X server that was killed leaves its socket: it was ours
	unlink "/tmp/.X11-unix/X$self->{number}" if $signal;

	return $self;
}

sub x_environment {
	my ($self) = @_;

	return (DISPLAY => $self->{display}, XAUTHORITY => $self->{xauth});
}

# Runs a program of the desktop to its end.

sub x_run {
	my ($self, @command) = @_;

	local %ENV = (%ENV, $self->x_environment());

	return system(@command) == 0;
}

# Starts a program of the desktop, openbox for instance.

sub x_start {
	my ($self, @command) = @_;

	return $self->spawn(sub {
		%ENV = (%ENV, $self->x_environment());
		open STDOUT, '>>', "$self->{dir}/logs/x_clients.log";
		open STDERR, '>&', \*STDOUT;
		exec @command;
	});
}

sub x_client {
	my ($self) = @_;

	require Selkies::X;

	return Selkies::X->new($self);
}

# A C program of t/lib: what the Makefile built, or built here.

sub tool {
	my ($self, $name) = @_;

	my $source = "$ROOT/t/lib/$name.c";
	my $binary = "$BUILD/t/$name";

	return $binary if -x $binary && -M $binary <= -M $source;

	$binary = "$self->{dir}/$name";
	system('cc', '-std=gnu11', '-O2', '-o', $binary, $source, '-lX11',
		'-lopus', '-lpulse', '-lm') == 0
		or die "$name does not compile\n";

	return $binary;
}

###############################################################################
# nginx

sub expand {
	my ($self, $text) = @_;

	my $user = $> == 0 ? "user $self->{user};" : '';

	$user .= " worker_rlimit_core 1g; working_directory $self->{dir};"
		if $ENV{TEST_SELKIES_CORE};

	my $level = $ENV{TEST_SELKIES_DEBUG} ? 'debug' : 'info';
	my $display = $self->{display} || ':65000';
	my $xauth = $self->{xauth} || "$self->{dir}/xauth";

	$text =~ s/%%GLOBALS%%/$LOAD
$user
pid %%TESTDIR%%\/run\/nginx.pid;
daemon off;
worker_processes $self->{workers};
error_log %%TESTDIR%%\/logs\/error.log $level;/g;

	my $temporary = join '', map { "${_}_temp_path %%TESTDIR%%/run/$_;\n" }
		qw/ client_body proxy fastcgi uwsgi scgi /;

	$text =~ s/%%GLOBALS_HTTP%%/include \/etc\/nginx\/mime.types;
absolute_redirect off;
access_log %%TESTDIR%%\/logs\/access.log;
$temporary/g;

	$text =~ s/%%SELKIES%%/selkies on;
selkies_display $display;
selkies_xauthority $xauth;/g;

	$text =~ s/%%DISPLAY%%/$display/g;
	$text =~ s/%%XAUTH%%/$xauth/g;
	$text =~ s/%%WEB%%/$ROOT\/web/g;
	$text =~ s/%%PORT_(\d+)%%/'127.0.0.1:' . $self->port($1)/ge;
	$text =~ s/%%TESTDIR%%/$self->{dir}/g;

	return $text;
}

sub conf {
	my ($self, $text) = @_;

	$self->write_file('nginx.conf', $self->expand($text));

	return $self;
}

# The configuration most tests want: one server, one location.  The named
# parts are inserted where they say.

sub simple {
	my ($self, %o) = @_;

	my %part = (main => '', http => '', server => '', location => '',
		listen => 'listen %%PORT_0%%;', path => '/', %o);

	return $self->conf(<<"EOC");
%%GLOBALS%%
$part{main}
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    $part{http}
    server {
        $part{listen}
        server_name localhost;
        root %%TESTDIR%%/html;
        $part{server}
        location $part{path} {
            %%SELKIES%%
            $part{location}
        }
    }
}
EOC
}

sub nginx_environment {
	return () if $SANITIZE eq '';

	my $library = $LIBRARY{$SANITIZE};

	chomp(my $path = $library ? `gcc -print-file-name=$library` : '');

	return ($path ? (LD_PRELOAD => $path) : (),
		ASAN_OPTIONS => 'detect_leaks=0:abort_on_error=0',
		UBSAN_OPTIONS => 'print_stacktrace=1'
			. ":suppressions=$ROOT/t/lib/ubsan.supp",
		TSAN_OPTIONS => 'report_signal_unsafe=0');
}

# nginx -t; its exit status is true on success, its words follow.

sub test_conf {
	my ($self) = @_;

	local %ENV = (%ENV, nginx_environment());

	my $output = `$NGINX -p $self->{dir}/ -c $self->{dir}/nginx.conf -t 2>&1`;

	return ($? == 0, $output);
}

# run(starter => [...]): a program that starts nginx in turn.

sub run {
	my ($self, %o) = @_;

	delete $self->{reserved};

	my $pid = $self->{starter} = $self->{pid} = $self->spawn(sub {
		%ENV = (%ENV, nginx_environment());
		open STDOUT, '>>', "$self->{dir}/logs/stdout.log";
		open STDERR, '>&', \*STDOUT;
		exec @{ $o{starter} || [] }, $NGINX, '-p', "$self->{dir}/", '-c',
			"$self->{dir}/nginx.conf";
	});

	for my $port (@{ $self->{ports} }) {
		wait_for {
			die "nginx ended:\n" . $self->read_file('logs/stdout.log')
				if waitpid($pid, WNOHANG) > 0;

			IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		} 10 or die "nginx does not listen on $port\n";
	}

	if ($o{starter}) {

		# nginx listens before it writes this

		wait_for { -s "$self->{dir}/run/nginx.pid" } 10;

		($self->{pid}) = $self->read_file('run/nginx.pid') =~ /(\d+)/
			or die "nginx has no pid\n";
	}

	wait_for { scalar(() = $self->workers()) >= $self->{workers} }
		or die "nginx has no workers\n";

	return $self;
}

sub pid { $_[0]->{pid} }

# The master's children that call themselves workers and are not leaving.

sub workers {
	my ($self) = @_;

	my $pid = $self->{pid} or return;

	return grep {
		$self->read_file("/proc/$_/cmdline") =~ /worker process(?! is)/
	} children_of($pid);
}

sub children_of {
	my ($pid) = @_;

	open my $fh, '<', "/proc/$pid/task/$pid/children" or return;

	return split ' ', (<$fh> || '');
}

# The worker whose process holds the owner's lock, a POSIX lock of its own.

sub owner {
	my ($self) = @_;

	my %worker = map { $_ => 1 } $self->workers();

	for (split /\n/, $self->read_file('/proc/locks')) {
		return $1 if /POSIX\s+\S+\s+WRITE\s+(\d+)\s/ && $worker{$1};
	}

	return undef;
}

# The worker at the other end of a client's connection.

sub worker_of {
	my ($self, $ws) = @_;

	my $from = sprintf ':%04X', $ws->local_port();
	my $to = sprintf ':%04X', $ws->{port};
	my $inode;

	for (split /\n/, $self->read_file('/proc/net/tcp')) {
		my @f = split;
		next unless $f[1] =~ /$to$/ && $f[2] =~ /$from$/;
		$inode = $f[9];
	}

	return undef unless $inode;

	for my $pid (children_of($self->{pid})) {
		for my $fd (glob "/proc/$pid/fd/*") {
			my $link = readlink $fd;
			return $pid if defined $link && $link eq "socket:[$inode]";
		}
	}

	return undef;
}

sub reload {
	my ($self) = @_;

	$self->{old} = { map { $_ => 1 } $self->workers() };
	kill 'HUP', $self->{pid};

	return $self;
}

# Since the reload: all old workers are leaving.  One that is not yet may still
# accept a client that another one has told to come again.

sub reloaded {
	my ($self) = @_;

	return wait_for {
		my @now = $self->workers();
		return @now && !grep { $self->{old}{$_} } @now;
	} 10;
}

sub kill_worker {
	my ($self, $pid) = @_;

	$self->{killed}{$pid} = 1;
	kill 'KILL', $pid;

	return $self;
}

# Declares a line of the error log that this test provokes.

sub expect_log {
	my ($self, $re) = @_;

	push @{ $self->{expected} }, $re;

	return $self;
}

sub error_log { $_[0]->read_file('logs/error.log') }
sub access_log { $_[0]->read_file('logs/access.log') }

sub stop {
	my ($self, $signal) = @_;

	my $pid = delete $self->{pid} or return 1;

	kill $signal || 'QUIT', $pid;

	return 1 if $self->reap($self->{starter}, 10);

	kill 'KILL', children_of($pid), $pid;
	kill 'KILL', $self->{starter};
	$self->reap($self->{starter}, 5);

	return 0;
}

###############################################################################
# processes

sub spawn {
	my ($self, $code) = @_;

	my $pid = fork();

	die "fork: $!\n" unless defined $pid;

	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw/ PIPE INT TERM ALRM /;
		open STDIN, '<', '/dev/null';
		$code->();
		POSIX::_exit(1);
	}

	push @{ $self->{children} }, $pid;

	return $pid;
}

# Waits for a child's end; false when the time is over.

sub reap {
	my ($self, $pid, $timeout) = @_;

	my $gone = wait_for {
		my $rc = waitpid $pid, WNOHANG;
		return $rc == $pid || $rc == -1;
	} $timeout;

	@{ $self->{children} } = grep { $_ != $pid } @{ $self->{children} }
		if $gone;

	return $gone;
}

###############################################################################
# the end

sub bad_lines {
	my ($self) = @_;
	my @bad;

	LINE: for (split /\n/, $self->error_log()
		. $self->read_file('logs/stdout.log'))
	{
		next unless /\[(?:alert|emerg|crit)\]|Sanitizer|runtime error/;

		next if /worker process (\d+) exited on signal 9/
			&& $self->{killed}{$1};

		for my $re (@{ $self->{expected} }) {
			next LINE if $_ =~ $re;
		}

		push @bad, $_;
	}

	return @bad;
}

# Processes that name this test's directory, or write their errors there: all
# of ours do one or the other.

sub strays {
	my ($self) = @_;
	my @found;

	for my $proc (glob '/proc/[0-9]*') {
		next if $proc eq "/proc/$$";

		push @found, substr $proc, 6
			if grep { index($_, $self->{dir}) >= 0 }
				$self->read_file("$proc/cmdline"),
				readlink "$proc/fd/2" || '';
	}

	return @found;
}

sub shutdown {
	my ($self) = @_;

	my $stopped = $self->stop();

	$self->stop_x();

	# a copy: who is reaped leaves the list

	for my $pid (my @children = @{ $self->{children} }) {
		kill 'TERM', $pid;
		next if $self->reap($pid, 3);
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}

	$self->{children} = [];

	return $stopped;
}

sub done {
	my ($self) = @_;

	Selkies::WebSocket::close_all() if defined &Selkies::WebSocket::close_all;

	Test::More::ok($self->shutdown(), 'nginx stopped in time');

	my @bad = $self->bad_lines();

	splice @bad, 30 if @bad > 30;
	Test::More::is(scalar @bad, 0, 'no alert, no sanitizer line')
		or Test::More::diag(join "\n", @bad);

	wait_for { !$self->strays() } 2;

	my @strays = $self->strays();

	Test::More::is("@strays", '', 'no process left');

	# another test's X server may have the number by now

	Test::More::ok(!$self->{x_socket}
		|| $self->{x_socket} ne $self->x_socket(), 'no X socket left');

	$self->cleanup();

	Test::More::done_testing();
}

sub cleanup {
	my ($self) = @_;

	my $failed = !Test::More->builder->is_passing();

	if ($failed && $ENV{TEST_SELKIES_VERBOSE}) {
		Test::More::diag($self->error_log());
	}

	remove_tree($self->{dir}) unless $ENV{TEST_SELKIES_LEAVE};
	Test::More::diag("left $self->{dir}") if $ENV{TEST_SELKIES_LEAVE};

	@live = grep { $_ != $self } @live;
}

END {
	if ($$ == $PID) {
		my $status = $?;

		alarm 0;

		for my $self (@live) {
			$self->shutdown();

			my @bad = $self->bad_lines();
			splice @bad, 20 if @bad > 20;
			Test::More::diag(join "\n", 'error log:', @bad) if @bad;

			$self->cleanup();
		}

		$? = $status;
	}
}

1;
